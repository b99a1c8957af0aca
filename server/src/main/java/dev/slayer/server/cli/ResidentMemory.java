package dev.slayer.server.cli;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/** What this process has in RAM, under the name that Prometheus' own clients give it, where Linux tells it. */
final class ResidentMemory {
    private static final Path STATUS = Path.of("/proc/self/status");

    private ResidentMemory() {}

    /** Adds the gauge; none on other systems. */
    static void register(MeterRegistry registry) {
        if (bytes().isPresent()) {
            Gauge.builder("process_resident_memory", () -> bytes().orElse(0))
                    .description("Memory of the process in RAM")
                    .baseUnit("bytes")
                    .register(registry);
        }
    }

    private static OptionalLong bytes() {
        try {
            return Files.readAllLines(STATUS).stream()
                    .filter(line -> line.startsWith("VmRSS:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
                    .findFirst();
        } catch (IOException notLinux) {
            return OptionalLong.empty();
        }
    }
}
