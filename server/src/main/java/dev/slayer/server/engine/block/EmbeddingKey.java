package dev.slayer.server.engine.block;

/**
 * An embedding, which stays where its checkpoint has it.
 *
 * @param owner id of the checkpoint
 */
record EmbeddingKey(long owner, boolean derived) implements PartKey {
    @Override
    public boolean uses(long checkpoint) {
        return owner == checkpoint;
    }
}
