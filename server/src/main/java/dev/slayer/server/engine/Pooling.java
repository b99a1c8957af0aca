package dev.slayer.server.engine;

/** What becomes of the hidden states of a prompt's tokens, after the stack's last slot and its final norm: one vector [hidden]. */
public enum Pooling {
    /** The mean over all tokens. */
    MEAN,

    /** That of the last token, the only one that has seen all others. */
    LAST
}
