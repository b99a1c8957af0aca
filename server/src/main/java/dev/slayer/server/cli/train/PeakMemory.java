package dev.slayer.server.cli.train;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/** The most memory that this process has in RAM during a stretch of time, where Linux tells it. */
final class PeakMemory {
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final Path CLEAR = Path.of("/proc/self/clear_refs");
    /** What the kernel's documentation says to write to forget the peak so far. */
    private static final String FORGET_PEAK = "5";

    private PeakMemory() {}

    /** Begins a stretch; false where the system cannot. */
    static boolean begin() {
        try {
            Files.writeString(CLEAR, FORGET_PEAK);
            return true;
        } catch (IOException notHere) {
            return false;
        }
    }

    /** Bytes at the peak since {@link #begin}. */
    static OptionalLong bytes() {
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
