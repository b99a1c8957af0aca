package dev.slayer.surgery.export;

import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/**
 * A hidden folder beside the target that becomes the target at the end, or goes away with everything in it. Only plain files may be put
 * into it. Whoever writes a file there waits until the device has it. Not for several threads.
 */
public final class Staging implements AutoCloseable {
    private final Path target;
    private final Path folder;
    private boolean done;

    private Staging(Path target, Path folder) {
        this.target = target;
        this.folder = folder;
    }

    /**
     * Makes the folder.
     *
     * @param prefix of its name, beginning with a dot
     * @throws SlayerException 400 if the target is there and not an empty folder, or its parent cannot be written to
     */
    public static Staging beside(Path target, String prefix) {
        Path absolute = target.toAbsolutePath().normalize();
        Path parent = absolute.getParent();
        if (parent == null) {
            throw SlayerException.badRequest("target", target + " cannot be written; name a new folder");
        }
        requireFree(absolute, target);
        if (!Files.isDirectory(parent)) {
            throw SlayerException.badRequest(
                    "target", "the folder " + parent + " does not exist, so nothing can be written to " + target);
        }
        Path folder = parent.resolve(prefix + UUID.randomUUID());
        try {
            Files.createDirectory(folder);
        } catch (IOException e) {
            throw new SlayerException(
                    400, "invalid_value", "target", "the folder " + parent + " cannot be written to: " + e, e);
        }
        return new Staging(absolute, folder);
    }

    private static void requireFree(Path absolute, Path shown) {
        if (!Files.exists(absolute, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        boolean free = false;
        if (Files.isDirectory(absolute, LinkOption.NOFOLLOW_LINKS)) {
            try (DirectoryStream<Path> content = Files.newDirectoryStream(absolute)) {
                free = !content.iterator().hasNext();
            } catch (IOException e) {
                throw new SlayerException(400, "invalid_value", "target", shown + " cannot be read: " + e, e);
            }
        }
        if (!free) {
            throw SlayerException.badRequest(
                    "target", shown + " already exists and is no empty folder; name another, nothing is overwritten");
        }
    }

    /** Where to write. */
    public Path folder() {
        return folder;
    }

    /** Bytes that can still be written where the target will be. */
    public long usableBytes() throws IOException {
        return Files.getFileStore(folder).getUsableSpace();
    }

    /** Puts the folder in the target's place, in one step. Whoever looks sees nothing or everything. */
    public void commit() throws IOException {
        force(folder);
        Files.move(folder, target, StandardCopyOption.ATOMIC_MOVE);
        done = true;
        force(target.getParent());
    }

    /** Makes a folder's entries durable; only some systems can open a folder. */
    private static void force(Path folder) throws IOException {
        if (Files.getFileStore(folder).supportsFileAttributeView("posix")) {
            try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
                channel.force(true);
            }
        }
    }

    /** Removes what was not committed. */
    @Override
    public void close() throws IOException {
        if (done) {
            return;
        }
        try (DirectoryStream<Path> content = Files.newDirectoryStream(folder)) {
            for (Path file : content) {
                Files.delete(file);
            }
        }
        Files.delete(folder);
    }
}
