package dev.slayer.server.accelerator.runtime;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Writes the smallest file that says about itself what a shared library says. It cannot be loaded. */
public final class TinyElf {
    private static final long ADDRESS = 0x40_0000; // where it would lie in memory: not where it lies in the file
    private static final int HEADERS = 64 + 2 * 56;

    private final ByteArrayOutputStream names = new ByteArrayOutputStream();
    private final int machine;

    private TinyElf(int machine) {
        this.machine = machine;
        names.write(0);
    }

    /** A library for this machine that needs others. */
    public static Path write(Path file, String... needed) {
        return new TinyElf(ElfFile.thisMachine()).save(file, "", needed);
    }

    /** One that defines a version of its symbols. */
    static Path versioned(Path file, String version) {
        return new TinyElf(ElfFile.thisMachine()).save(file, version);
    }

    /** One for another machine. */
    static Path foreign(Path file) {
        return new TinyElf(ElfFile.thisMachine() == ElfFile.X86_64 ? ElfFile.AARCH64 : ElfFile.X86_64).save(file, "");
    }

    private Path save(Path file, String version, String... needed) {
        boolean versioned = !version.isEmpty();
        List<Integer> neededNames = List.of(needed).stream().map(this::name).toList();
        int soname = name(file.getFileName().toString());
        int versionName = name(version);
        int entries = neededNames.size() + (versioned ? 5 : 3);
        int strings = HEADERS + 16 * entries;
        int verdef = strings + names.size();
        int size = verdef + (versioned ? 28 : 0);
        ByteBuffer out = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        header(out);
        segment(out, 1, 0, size);
        segment(out, 2, HEADERS, 16 * entries);
        neededNames.forEach(name -> out.putLong(1).putLong(name));
        out.putLong(14).putLong(soname);
        out.putLong(5).putLong(ADDRESS + strings);
        if (versioned) {
            out.putLong(0x6FFFFFFC).putLong(ADDRESS + verdef);
            out.putLong(0x6FFFFFFD).putLong(1);
        }
        out.putLong(0).putLong(0);
        out.put(names.toByteArray());
        if (versioned) {
            out.putShort((short) 1).putShort((short) 0).putShort((short) 2).putShort((short) 1);
            out.putInt(0).putInt(20).putInt(0);
            out.putInt(versionName).putInt(0);
        }
        try {
            Files.createDirectories(file.getParent());
            return Files.write(file, out.array());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void header(ByteBuffer out) {
        out.put(new byte[] {0x7F, 'E', 'L', 'F', 2, 1, 1}).position(16);
        out.putShort((short) 3).putShort((short) machine).putInt(1).putLong(0);
        out.putLong(64).putLong(0).putInt(0);
        out.putShort((short) 64).putShort((short) 56).putShort((short) 2);
        out.position(64);
    }

    private static void segment(ByteBuffer out, int type, int offset, int length) {
        out.putInt(type).putInt(4);
        out.putLong(offset).putLong(ADDRESS + offset).putLong(ADDRESS + offset);
        out.putLong(length).putLong(length).putLong(8);
    }

    private int name(String name) {
        int at = names.size();
        names.writeBytes(name.getBytes(StandardCharsets.UTF_8));
        names.write(0);
        return at;
    }
}
