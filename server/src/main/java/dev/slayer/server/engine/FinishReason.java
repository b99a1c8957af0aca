package dev.slayer.server.engine;

/** Why a sequence ended. */
public enum FinishReason {
    /** EOS, a stop token or a stop string. */
    STOP,
    /** max_tokens or the context window is used up. */
    LENGTH,
    /** The client went away or cancelled. */
    CANCELLED
}
