package dev.slayer.server.cli.bench;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Processor time of this process, split into the load generator's threads, which this factory makes, and all others, which are
 * the server's if it runs here. Threads must not end while something is measured, or their time is lost. Thread-safe.
 */
final class ProcessUsage implements ThreadFactory {
    private static final String HTTP_CLIENT = "HttpClient-";

    /**
     * Processor time, both parts in nanoseconds since some moment before.
     *
     * @param serverNanos of all threads but the load generator's
     * @param clientNanos of the load generator's threads
     */
    record Cpu(long serverNanos, long clientNanos) {
        /** What was used since; the process's clock is coarser than its threads', so what is left for the server may be below 0: then 0. */
        Cpu since(Cpu before) {
            return new Cpu(Math.max(0, serverNanos - before.serverNanos), clientNanos - before.clientNanos);
        }
    }

    private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    private final List<Thread> own = new CopyOnWriteArrayList<>();
    private final AtomicInteger number = new AtomicInteger();

    @Override
    public Thread newThread(Runnable task) {
        Thread thread = new Thread(task, "load-" + number.incrementAndGet());
        thread.setDaemon(true);
        own.add(thread);
        return thread;
    }

    /** Processor time so far. */
    Cpu cpu() {
        long client = own.stream()
                .mapToLong(thread -> threads.getThreadCpuTime(thread.threadId()))
                .filter(nanos -> nanos > 0)
                .sum();
        for (ThreadInfo thread : threads.getThreadInfo(threads.getAllThreadIds())) {
            if (thread != null && thread.getThreadName().startsWith(HTTP_CLIENT)) {
                client += Math.max(0, threads.getThreadCpuTime(thread.getThreadId()));
            }
        }
        return new Cpu(processNanos() - client, client);
    }

    private static long processNanos() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean process
                ? process.getProcessCpuTime()
                : 0;
    }
}
