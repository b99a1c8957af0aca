package dev.slayer.server.engine.block;

/** What a stack is put together from: a block, a head or an embedding; shared, counted and freed by the {@link BlockStore}. */
public interface Part extends AutoCloseable {
    /** Frees its memory; nobody uses it any more. */
    @Override
    void close();
}
