package dev.slayer.surgery.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A checkpoint's directory, and the only way to a file in it.
 *
 * <p>A file is named by a plain name; its content lies in the directory itself. One exception is made for the cache of the
 * Hugging Face hub, whose {@code snapshots/REVISION/NAME} are links to {@code blobs/HASH} two folders up: such a link is
 * followed, any other link that leaves the directory is refused. Only regular files are opened, so that no pipe or device can
 * make the reader wait.
 *
 * @param path as the user gave it, for messages
 * @param real with every link resolved
 */
record Folder(Path path, Path real) {
    private static final int NAME_LIMIT = 255;

    static Folder of(Path directory) {
        try {
            Path real = directory.toRealPath();
            if (Files.isDirectory(real)) {
                return new Folder(directory, real);
            }
        } catch (IOException e) {
            throw new CheckpointException(directory, "is no directory that can be read", e);
        }
        throw new CheckpointException(directory, "is no directory; name the directory that holds config.json");
    }

    /** A name that cannot leave a directory. */
    static boolean isPlain(String name) {
        return !name.isEmpty()
                && name.length() <= NAME_LIMIT
                && !name.equals(".")
                && !name.equals("..")
                && name.chars().noneMatch(c -> c == '/' || c == '\\' || c == ':' || Character.isISOControl(c));
    }

    /** The file for messages: directory and name. */
    Path named(String name) {
        return path.resolve(name);
    }

    /**
     * Where a file's content lies, or empty if there is no such file.
     *
     * @throws CheckpointException if the name is not plain, the file is not regular or is a link that leaves the directory
     */
    Optional<Path> find(String name) {
        if (!isPlain(name)) {
            throw new CheckpointException(path, "'" + name + "' is no plain file name in this directory");
        }
        Path file = real.resolve(name);
        if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            return Optional.empty();
        }
        Path target;
        try {
            target = file.toRealPath();
        } catch (IOException e) {
            throw new CheckpointException(named(name), "is a link that leads nowhere, or cannot be read", e);
        }
        if (!real.equals(target.getParent()) && !isHubBlob(target)) {
            throw new CheckpointException(
                    named(name),
                    "is a link that leaves the directory; copy the file here, or link the whole directory instead");
        }
        if (!Files.isRegularFile(target, LinkOption.NOFOLLOW_LINKS)) {
            throw new CheckpointException(named(name), "is no regular file");
        }
        return Optional.of(target);
    }

    /** As {@link #find}, where the file must be there. */
    Path require(String name) {
        return find(name).orElseThrow(() -> new CheckpointException(named(name), "there is no such file"));
    }

    private boolean isHubBlob(Path target) {
        Path snapshots = real.getParent();
        return snapshots != null
                && snapshots.getFileName() != null
                && snapshots.getFileName().toString().equals("snapshots")
                && snapshots.resolveSibling("blobs").equals(target.getParent());
    }
}
