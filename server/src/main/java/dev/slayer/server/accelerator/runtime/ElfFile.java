package dev.slayer.server.accelerator.runtime;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What a shared library of Linux says about itself without being loaded. Format: System V ABI, chapters 4 and 5, and the symbol versions
 * of the Linux Standard Base.
 *
 * @param machine e_machine: 62 for x86-64, 183 for AArch64
 * @param soname the name that others know it by; empty if it has none
 * @param needed names of libraries that it loads
 * @param versions of its symbols that it defines, such as {@code VERS_1.29.0}
 */
record ElfFile(int machine, String soname, List<String> needed, List<String> versions) {
    static final int X86_64 = 62;
    static final int AARCH64 = 183;

    private static final int MAGIC = 0x464C457F; // 0x7F E L F
    private static final int CLASS_64 = 2;
    private static final int LITTLE_ENDIAN = 1;
    private static final int PT_LOAD = 1;
    private static final int PT_DYNAMIC = 2;
    private static final long DT_NEEDED = 1;
    private static final long DT_STRTAB = 5;
    private static final long DT_STRSZ = 10;
    private static final long DT_SONAME = 14;
    private static final long DT_VERDEF = 0x6FFFFFFC;
    private static final long DT_VERDEFNUM = 0x6FFFFFFD;
    private static final int MOST_NAMES = 64 << 20; // bytes
    private static final int MOST = 4096; // of anything that is counted in a file; more is no library that we look for

    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Reads one. @throws IOException if it cannot be read, or is no 64-bit little-endian library; the message continues "is " */
    static ElfFile read(Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
                Arena arena = Arena.ofConfined()) {
            return new Reader(channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena)).read();
        } catch (IndexOutOfBoundsException | ArithmeticException e) {
            throw new IOException("damaged: it ends too early", e);
        }
    }

    /**
     * Whether a name is among those that a library gives to others or takes from them.
     *
     * @throws IOException as {@link #read} does
     */
    static boolean mentions(Path path, String name) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
                Arena arena = Arena.ofConfined()) {
            Reader reader = new Reader(channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena));
            var _ = reader.read();
            return reader.hasName(name);
        } catch (IndexOutOfBoundsException | ArithmeticException e) {
            throw new IOException("damaged: it ends too early", e);
        }
    }

    /** What this JVM's processor is called in such files. */
    static int thisMachine() {
        return System.getProperty("os.arch").equals("aarch64") ? AARCH64 : X86_64;
    }

    /** A part of the file and where it lies in memory when loaded. */
    private record Load(long offset, long address, long length) {}

    private static final class Reader {
        private final MemorySegment file;
        private final List<Load> loads = new ArrayList<>();
        private final List<Long> neededNames = new ArrayList<>();
        private final Map<Long, Long> entries = new HashMap<>();

        Reader(MemorySegment file) {
            this.file = file;
        }

        ElfFile read() throws IOException {
            if (file.byteSize() < 64
                    || file.get(INT, 0) != MAGIC
                    || file.get(ValueLayout.JAVA_BYTE, 4) != CLASS_64
                    || file.get(ValueLayout.JAVA_BYTE, 5) != LITTLE_ENDIAN) {
                throw new IOException("no 64-bit shared library");
            }
            segments();
            List<String> needed = new ArrayList<>();
            for (long name : neededNames) {
                needed.add(string(name));
            }
            Long soname = entries.get(DT_SONAME);
            return new ElfFile(
                    u16(18), soname == null ? "" : string(soname), List.copyOf(needed), List.copyOf(versions()));
        }

        private void segments() throws IOException {
            long table = file.get(LONG, 32);
            int size = u16(54);
            int count = u16(56);
            long dynamic = -1;
            long dynamicBytes = 0;
            for (int i = 0; i < Math.min(count, MOST); i++) {
                long at = Math.addExact(table, (long) i * size);
                int type = file.get(INT, at);
                if (type == PT_LOAD) {
                    loads.add(new Load(file.get(LONG, at + 8), file.get(LONG, at + 16), file.get(LONG, at + 32)));
                } else if (type == PT_DYNAMIC) {
                    dynamic = file.get(LONG, at + 8);
                    dynamicBytes = file.get(LONG, at + 32);
                }
            }
            if (dynamic < 0) {
                throw new IOException("no shared library: it has no dynamic section");
            }
            dynamic(dynamic, dynamicBytes);
        }

        private void dynamic(long start, long bytes) {
            for (long i = 0; i < Math.min(bytes / 16, MOST); i++) {
                long tag = file.get(LONG, start + i * 16);
                long value = file.get(LONG, start + i * 16 + 8);
                if (tag == 0) {
                    return;
                }
                if (tag == DT_NEEDED) {
                    neededNames.add(value);
                } else {
                    entries.put(tag, value);
                }
            }
        }

        private List<String> versions() throws IOException {
            List<String> versions = new ArrayList<>();
            if (!entries.containsKey(DT_VERDEF)) {
                return versions;
            }
            long at = offset(entries.get(DT_VERDEF));
            long count = Math.min(entries.getOrDefault(DT_VERDEFNUM, 0L), MOST);
            for (long i = 0; i < count; i++) {
                long name = at + Integer.toUnsignedLong(file.get(INT, at + 12));
                versions.add(string(Integer.toUnsignedLong(file.get(INT, name))));
                at += Integer.toUnsignedLong(file.get(INT, at + 16));
            }
            return versions;
        }

        boolean hasName(String name) throws IOException {
            long length = entries.getOrDefault(DT_STRSZ, 0L);
            if (length < 1 || length > MOST_NAMES) {
                return false;
            }
            byte[] table = file.asSlice(offset(entries.get(DT_STRTAB)), length).toArray(ValueLayout.JAVA_BYTE);
            return new String(table, StandardCharsets.ISO_8859_1).contains("\0" + name + "\0");
        }

        private String string(long index) throws IOException {
            if (!entries.containsKey(DT_STRTAB)) {
                throw new IOException("damaged: it has no names");
            }
            MemorySegment from = file.asSlice(Math.addExact(offset(entries.get(DT_STRTAB)), index));
            return from.asSlice(0, Math.min(from.byteSize(), MOST)).getString(0);
        }

        /** Where in the file an address of the loaded library is. */
        private long offset(long address) throws IOException {
            for (Load load : loads) {
                if (address >= load.address() && address - load.address() < load.length()) {
                    return address - load.address() + load.offset();
                }
            }
            throw new IOException("damaged: an address leads out of it");
        }

        private int u16(long at) {
            return Short.toUnsignedInt(file.get(SHORT, at));
        }
    }
}
