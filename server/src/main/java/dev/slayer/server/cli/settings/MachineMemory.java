package dev.slayer.server.cli.settings;

import java.lang.management.ManagementFactory;

/** What a share of the machine's memory is a share of. */
public final class MachineMemory {
    private MachineMemory() {}

    /** Bytes of memory of this machine; in a container, what that may have. */
    public static long bytes() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean machine
                ? machine.getTotalMemorySize()
                : Runtime.getRuntime().maxMemory();
    }
}
