package dev.slayer.server.engine.block;

/** What tells the parts of stacks apart: blocks, heads and embeddings. Equal keys have equal weights, whatever they are called. */
sealed interface PartKey permits BlockKey, HeadKey, EmbeddingKey {
    /** Whether it is made when a layout asks for it and goes again, unlike a checkpoint's own, which stay as long as that. */
    boolean derived();

    /** Whether it reads a tensor of a checkpoint, or has its element types. */
    boolean uses(long checkpoint);
}
