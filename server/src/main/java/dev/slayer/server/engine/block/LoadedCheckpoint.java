package dev.slayer.server.engine.block;

import dev.slayer.surgery.checkpoint.Checkpoint;

/**
 * A checkpoint on the device.
 *
 * @param id unique in this process: a name that is loaded again is another checkpoint
 * @param name what layouts call it
 * @param checkpoint stays open while its blocks are in use or being made
 * @param type how its blocks are kept
 */
record LoadedCheckpoint(long id, String name, Checkpoint checkpoint, WeightType type) {
    /** Bytes of a block of its shape. */
    long blockBytes() {
        return type.bytes(checkpoint.config().parameters().layer());
    }
}
