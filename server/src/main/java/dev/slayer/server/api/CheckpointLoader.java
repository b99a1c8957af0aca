package dev.slayer.server.api;

import java.nio.file.Path;

/** Opens checkpoints; whoever knows files and devices implements it. */
@FunctionalInterface
public interface CheckpointLoader {
    /**
     * Opens a checkpoint with all that serving it needs. Blocks, for as long as reading its weights takes; any thread.
     *
     * @throws dev.slayer.surgery.SlayerException naming the file at fault
     */
    LoadedCheckpoint load(String name, Path directory);
}
