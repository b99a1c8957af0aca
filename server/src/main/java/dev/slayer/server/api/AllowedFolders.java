package dev.slayer.server.api;

import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;

/**
 * Finds the directories that clients name, below the folders that the operator allows and nowhere else. What lies elsewhere is
 * refused before it is looked at, so that nobody learns whether it is there.
 */
final class AllowedFolders {
    private static final int LONGEST = 4096;

    private final List<Path> folders;

    AllowedFolders(List<Path> folders) {
        this.folders = folders.stream()
                .map(folder -> folder.toAbsolutePath().normalize())
                .toList();
    }

    /**
     * A directory, links followed.
     *
     * @param path absolute, or relative to one of the folders
     * @throws SlayerException 403 if it is not below an allowed folder, 404 if there is no such directory; waits for the disk
     */
    Path directory(String path) {
        if (folders.isEmpty()) {
            throw refused("This server loads no checkpoints on request; start it with --checkpoint-folder DIR to allow"
                    + " those below DIR.");
        }
        if (path.isBlank() || path.length() > LONGEST || path.indexOf('\0') >= 0) {
            throw SlayerException.badRequest(
                    "path", "path='" + Excerpt.of(path) + "' is no path; allowed: 1 to " + LONGEST + " characters.");
        }
        boolean below = false;
        for (Path folder : folders) {
            Path wanted = resolve(folder, path);
            if (wanted.startsWith(folder) && !wanted.equals(folder)) {
                below = true;
                if (Files.isDirectory(wanted)) {
                    return real(folder, wanted);
                }
            }
        }
        if (!below) {
            throw outside(path);
        }
        throw new SlayerException(
                404,
                "checkpoint_not_found",
                "path",
                "There is no directory '" + Excerpt.of(path) + "' below the allowed folders.",
                null);
    }

    private static Path resolve(Path folder, String path) {
        try {
            return folder.resolve(path).normalize();
        } catch (InvalidPathException e) {
            throw new SlayerException(
                    400,
                    "invalid_value",
                    "path",
                    "path='" + Excerpt.of(path) + "' is no path: " + e.getReason() + ".",
                    e);
        }
    }

    /** A link may lead out of the folder. */
    private static Path real(Path folder, Path directory) {
        try {
            Path real = directory.toRealPath();
            if (!real.startsWith(folder.toRealPath())) {
                throw outside(directory.toString());
            }
            return real;
        } catch (IOException e) {
            throw new SlayerException(
                    404, "checkpoint_not_found", "path", "'" + directory + "' cannot be read: " + e + ".", e);
        }
    }

    private static SlayerException outside(String path) {
        return refused("'" + Excerpt.of(path) + "' is not below a folder that this server loads checkpoints from"
                + " (--checkpoint-folder).");
    }

    private static SlayerException refused(String message) {
        return new SlayerException(403, "path_not_allowed", "path", message, null);
    }
}
