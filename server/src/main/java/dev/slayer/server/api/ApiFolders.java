package dev.slayer.server.api;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Folders that clients may name something in. Without one they cannot.
 *
 * @param checkpoints checkpoints may be loaded from below these
 * @param exports exported checkpoints are written into this one, which is made if there is none
 * @param deltas deltas are loaded from this one
 */
public record ApiFolders(List<Path> checkpoints, Optional<Path> exports, Optional<Path> deltas) {
    /** Nothing can be loaded or exported. */
    public static final ApiFolders NONE = new ApiFolders(List.of(), Optional.empty(), Optional.empty());

    public ApiFolders {
        checkpoints = List.copyOf(checkpoints);
    }
}
