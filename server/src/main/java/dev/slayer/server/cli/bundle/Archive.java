package dev.slayer.server.cli.bundle;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Instant;
import java.util.Map;
import java.util.SortedMap;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;

/** A gzipped tar archive without anything of the machine, the user or the day in it. */
final class Archive {
    private static final FileTime TIME = FileTime.from(Instant.parse("1980-01-01T00:00:00Z"));
    private static final int BUFFER = 1 << 16;
    private static final int EXECUTABLE = 0100755;
    private static final int PLAIN = 0100644;

    private Archive() {}

    /** Writes files by their path in the archive, and closes the stream. A thread that is interrupted stops after a file. */
    static void write(SortedMap<String, Path> files, OutputStream out) throws IOException {
        try (GZIPOutputStream zipped = new GZIPOutputStream(out, BUFFER);
                TarArchiveOutputStream tar = new TarArchiveOutputStream(zipped)) {
            tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_GNU);
            for (Map.Entry<String, Path> file : files.entrySet()) {
                if (Thread.currentThread().isInterrupted()) {
                    throw new IOException("interrupted");
                }
                TarArchiveEntry entry = new TarArchiveEntry(file.getKey());
                entry.setSize(Files.size(file.getValue()));
                entry.setMode(isExecutable(file.getValue()) ? EXECUTABLE : PLAIN);
                entry.setLastModifiedTime(TIME);
                entry.setUserId(0);
                entry.setGroupId(0);
                tar.putArchiveEntry(entry);
                Files.copy(file.getValue(), tar);
                tar.closeArchiveEntry();
            }
        }
    }

    private static boolean isExecutable(Path file) throws IOException {
        PosixFileAttributeView view = Files.getFileAttributeView(file, PosixFileAttributeView.class);
        return view != null && view.readAttributes().permissions().contains(PosixFilePermission.OWNER_EXECUTE);
    }
}
