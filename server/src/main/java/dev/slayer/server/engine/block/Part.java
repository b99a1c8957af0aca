package dev.slayer.server.engine.block;

/** What a stack is put together from; shared, counted and freed by the {@link BlockStore}. */
sealed interface Part extends AutoCloseable permits Block, HeadWeights, Embedding {
    @Override
    void close();
}
