package dev.slayer.server.cli.bundle;

import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.DigestOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Writes a stream into files of at most so many bytes. Used by one thread. */
final class PartStream extends OutputStream {
    /** Names sort as they are joined only while they have three digits. */
    static final int MAX_PARTS = 1000;

    private final Path folder;
    private final String name;
    private final long most;
    private final List<Checksum> parts = new ArrayList<>();
    private DigestOutputStream part;
    private long room;

    /**
     * @param folder where {@code NAME.part-000} and so on go
     * @param most bytes of a part
     */
    PartStream(Path folder, String name, long most) {
        this.folder = folder;
        this.name = name;
        this.most = most;
    }

    @Override
    public void write(int b) throws IOException {
        write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
        int done = 0;
        while (done < length) {
            if (room == 0) {
                next();
            }
            int now = (int) Math.min(room, (long) length - done);
            part.write(bytes, offset + done, now);
            room -= now;
            done += now;
        }
    }

    private void next() throws IOException {
        close();
        if (parts.size() == MAX_PARTS) {
            throw SlayerException.badRequest(
                    BundleSettings.SPLIT.option(),
                    "--split " + most + "B makes more than " + MAX_PARTS + " parts; allow larger ones.");
        }
        part = Checksum.writing(Files.newOutputStream(folder.resolve(partName()), StandardOpenOption.CREATE_NEW));
        room = most;
    }

    @Override
    public void close() throws IOException {
        if (part != null) {
            part.close();
            parts.add(Checksum.of(partName(), part));
            part = null;
        }
    }

    private String partName() {
        return String.format(Locale.ROOT, "%s.part-%03d", name, parts.size());
    }

    /** Names and sums of all parts; complete once this is closed. */
    List<Checksum> parts() {
        return List.copyOf(parts);
    }
}
