package dev.slayer.server.store;

import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A data folder belongs to one server at a time; the system gives it free when the process ends, however it ends. */
final class FolderLock implements AutoCloseable {
    private static final String FILE = "slayer.lock";

    private final FileChannel channel;

    private FolderLock(FileChannel channel) {
        this.channel = channel;
    }

    /** @throws SlayerException 500 if another server has the folder, or it cannot be made or written */
    static FolderLock take(Path folder) {
        try {
            Files.createDirectories(folder);
            FileChannel channel =
                    FileChannel.open(folder.resolve(FILE), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            boolean taken = false;
            try {
                taken = tryLock(channel);
            } finally {
                if (!taken) {
                    channel.close();
                }
            }
            if (!taken) {
                throw new SlayerException(
                        500,
                        "data_folder_in_use",
                        "--data-folder",
                        "The data folder " + folder
                                + " is used by another Slayer server; stop that one, or give this one a folder of its own"
                                + " with --data-folder.",
                        null);
            }
            return new FolderLock(channel);
        } catch (IOException e) {
            throw new SlayerException(
                    500,
                    "data_folder_unusable",
                    "--data-folder",
                    "The data folder " + folder + " cannot be made or written (" + e
                            + "); choose another with --data-folder.",
                    e);
        }
    }

    private static boolean tryLock(FileChannel channel) throws IOException {
        try {
            FileLock lock = channel.tryLock();
            return lock != null;
        } catch (OverlappingFileLockException another) { // a server of this process
            return false;
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
