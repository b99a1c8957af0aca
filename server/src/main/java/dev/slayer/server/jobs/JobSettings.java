package dev.slayer.server.jobs;

import dev.slayer.surgery.SlayerException;

/**
 * Limits of training in the server.
 *
 * @param memoryBytes what a job may need, by its estimate
 * @param threads that a job computes on
 * @param maxFileBytes of one uploaded file
 * @param maxFilesBytes of all together
 */
public record JobSettings(long memoryBytes, int threads, long maxFileBytes, long maxFilesBytes) {
    /** 4 GiB of memory, one thread, files of 512 MiB, 16 GiB of them. */
    public static final JobSettings DEFAULTS = new JobSettings(4L << 30, 1, 512L << 20, 16L << 30);

    /** @throws SlayerException 400 naming the setting and the allowed range */
    public JobSettings {
        atLeast("training-memory", memoryBytes, 0);
        atLeast("training-threads", threads, 1);
        atLeast("max-file", maxFileBytes, 1);
        atLeast("max-files", maxFilesBytes, maxFileBytes);
    }

    private static void atLeast(String setting, long value, long low) {
        if (value < low) {
            throw SlayerException.badRequest(
                    setting, "--" + setting + "=" + value + " is out of range; allowed: " + low + " or more.");
        }
    }
}
