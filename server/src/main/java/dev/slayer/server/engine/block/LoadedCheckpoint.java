package dev.slayer.server.engine.block;

import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Layout;
import java.util.Optional;

/**
 * A checkpoint on the device.
 *
 * @param id unique in this process: a name that is loaded again is another checkpoint
 * @param name what layouts call it
 * @param checkpoint stays open while its blocks are in use or being made
 * @param type how its blocks are kept
 * @param trained the layout that a delta trained; absent for a checkpoint, all of whose layers are in memory
 */
public record LoadedCheckpoint(long id, String name, Checkpoint checkpoint, WeightType type, Optional<Layout> trained) {
    /** Whether its layers and its head are in memory from the beginning. */
    public boolean resident() {
        return trained.isEmpty();
    }

    /** Bytes of a block of its shape. */
    public long blockBytes() {
        return type.bytes(checkpoint.config().parameters().layer());
    }

    /** Bytes of a head of its shape. */
    public long headBytes() {
        return type.bytes(checkpoint.config().parameters().embedding());
    }

    /** Beside which layer of a model a layer stands; a delta's beside the first that its recipe reads. */
    public int origin(int layer) {
        return trained.map(layout ->
                        layout.slots().get(layer).recipe().layers().getFirst().layer())
                .orElse(layer);
    }
}
