package dev.slayer.server.jobs;

import dev.slayer.surgery.SlayerException;
import java.util.Objects;

/**
 * Limits of training in the server.
 *
 * @param device that jobs compute on
 * @param memoryBytes of the device that a job may need, by its estimate
 * @param threads that a job computes on
 * @param maxFileBytes of one uploaded file
 * @param maxFilesBytes of all together
 */
public record JobSettings(JobDevice device, long memoryBytes, int threads, long maxFileBytes, long maxFilesBytes) {
    /** On the processor: 4 GiB of memory, one thread, files of 512 MiB, 16 GiB of them. */
    public static final JobSettings DEFAULTS = new JobSettings(4L << 30, 1, 512L << 20, 16L << 30);

    /** @throws SlayerException 400 naming the setting and the allowed range */
    public JobSettings {
        Objects.requireNonNull(device);
        atLeast("training-memory", memoryBytes, 0);
        atLeast("training-threads", threads, 1);
        atLeast("max-file", maxFileBytes, 1);
        atLeast("max-files", maxFilesBytes, maxFileBytes);
    }

    /** On the processor. */
    public JobSettings(long memoryBytes, int threads, long maxFileBytes, long maxFilesBytes) {
        this(JobDevice.CPU, memoryBytes, threads, maxFileBytes, maxFilesBytes);
    }

    /** The same limits for another device and so much of its memory. */
    public JobSettings on(JobDevice other, long bytes) {
        return new JobSettings(other, bytes, threads, maxFileBytes, maxFilesBytes);
    }

    private static void atLeast(String setting, long value, long low) {
        if (value < low) {
            throw SlayerException.badRequest(
                    setting, "--" + setting + "=" + value + " is out of range; allowed: " + low + " or more.");
        }
    }
}
