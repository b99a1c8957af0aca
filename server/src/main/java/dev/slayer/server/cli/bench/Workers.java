package dev.slayer.server.cli.bench;

import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;

/** Threads that keep so many requests under way: a new one as soon as one ends. */
final class Workers implements AutoCloseable {
    private final int concurrency;
    private final boolean serverIsHere;
    private final ProcessUsage usage;
    private final ExecutorService threads;

    /** @param serverIsHere whether processor time that is not the load generator's is the server's */
    Workers(int concurrency, ProcessUsage usage, boolean serverIsHere) {
        this.concurrency = concurrency;
        this.serverIsHere = serverIsHere;
        this.usage = usage;
        this.threads = Executors.newFixedThreadPool(concurrency, usage);
    }

    /**
     * What was asked, and what it took.
     *
     * @param traces of all requests, in no order
     * @param whole from before the first request to after the last
     * @param cpu used in that time
     */
    record Run<T>(List<T> traces, Interval whole, ProcessUsage.Cpu cpu) {}

    /**
     * Makes so many requests, in order, and waits for all of them.
     *
     * @param ask makes the one of that number
     */
    <T> Run<T> run(int requests, IntFunction<T> ask) {
        AtomicInteger next = new AtomicInteger();
        ProcessUsage.Cpu before = usage.cpu();
        long started = System.nanoTime();
        List<Future<List<T>>> workers = new ArrayList<>();
        for (int i = 0; i < concurrency; i++) {
            workers.add(threads.submit(() -> drawFrom(next, requests, ask)));
        }
        List<T> traces = new ArrayList<>();
        workers.forEach(worker -> traces.addAll(result(worker)));
        Interval whole = new Interval(started, System.nanoTime());
        return new Run<>(traces, whole, usage.cpu().since(before));
    }

    boolean serverIsHere() {
        return serverIsHere;
    }

    /** Most memory of this process so far, in bytes; null if the server is another process or the system does not tell. */
    Long peakMemoryBytes() {
        return serverIsHere && PeakMemory.bytes().isPresent()
                ? PeakMemory.bytes().getAsLong()
                : null;
    }

    private static <T> List<T> drawFrom(AtomicInteger next, int requests, IntFunction<T> ask) {
        List<T> traces = new ArrayList<>();
        for (int at = next.getAndIncrement(); at < requests; at = next.getAndIncrement()) {
            traces.add(ask.apply(at));
        }
        return traces;
    }

    private static <T> List<T> result(Future<List<T>> worker) {
        try {
            return worker.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw SlayerException.internal("Interrupted in the middle of a measurement.", e);
        } catch (ExecutionException e) {
            throw SlayerException.internal("The load generator failed: " + e.getCause(), e.getCause());
        }
    }

    @Override
    public void close() {
        threads.shutdownNow();
    }
}
