package dev.slayer.server.cli.eval;

/** Who turns text into tokens for the harness. */
public enum TokenizerBackend {
    /** The Hugging Face tokenizer of a checkpoint, in the harness's process; prompts begin with BOS. */
    HUGGINGFACE,
    /** The server's own endpoints; prompts begin without BOS, which the harness cannot change. */
    REMOTE
}
