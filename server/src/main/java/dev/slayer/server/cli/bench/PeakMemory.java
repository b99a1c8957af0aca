package dev.slayer.server.cli.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/** The most memory that this process has in RAM, where Linux tells it. */
public final class PeakMemory {
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final Path CLEAR = Path.of("/proc/self/clear_refs");
    /** What the kernel's documentation says to write to forget the peak so far. */
    private static final String FORGET_PEAK = "5";

    private PeakMemory() {}

    /** Forgets what was before; false where the system cannot. */
    public static boolean begin() {
        try {
            Files.writeString(CLEAR, FORGET_PEAK);
            return true;
        } catch (IOException notHere) {
            return false;
        }
    }

    /** Bytes at the peak (VmHWM) since {@link #begin}, or since the process was started; empty where the system does not tell. */
    public static OptionalLong bytes() {
        try {
            return Files.readAllLines(STATUS).stream()
                    .filter(line -> line.startsWith("VmHWM:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
                    .findFirst();
        } catch (IOException notHere) {
            return OptionalLong.empty();
        }
    }
}
