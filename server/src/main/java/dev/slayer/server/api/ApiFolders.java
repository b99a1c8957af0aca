package dev.slayer.server.api;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Folders that clients may name something in. Without one they cannot.
 *
 * @param checkpoints checkpoints may be loaded from below these
 * @param exports exported checkpoints are written into this one, which is made if there is none
 */
public record ApiFolders(List<Path> checkpoints, Optional<Path> exports) {
    /** Nothing can be loaded or exported. */
    public static final ApiFolders NONE = new ApiFolders(List.of(), Optional.empty());

    public ApiFolders {
        checkpoints = List.copyOf(checkpoints);
    }
}
