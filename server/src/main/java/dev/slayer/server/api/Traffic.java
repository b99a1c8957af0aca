package dev.slayer.server.api;

import dev.slayer.surgery.SlayerException;
import io.vertx.core.Context;
import io.vertx.core.Handler;
import io.vertx.ext.web.RoutingContext;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * Counts the requests in progress and the bytes of their bodies, keeps both under their limits, and turns new ones away while the
 * server drains. Thread-safe.
 */
final class Traffic implements Handler<RoutingContext> {
    /** How long a client has to take the error that ends its request. */
    private static final int LAST_WORDS_SECONDS = 2;

    private final int limit;
    private final long bodyBudget;
    private final AtomicInteger requests = new AtomicInteger();
    private final AtomicLong bodyBytes = new AtomicLong();
    private final long rowBudget =
            Math.max(AbRequest.MOST_BYTES, Runtime.getRuntime().maxMemory() / 4);
    private final AtomicLong rowBytes = new AtomicLong();
    private final Set<Running> running = ConcurrentHashMap.newKeySet();
    private final CompletableFuture<Void> idle = new CompletableFuture<>();
    private volatile boolean draining;

    /**
     * @param limit requests at once
     * @param bodyBudget bytes of all their bodies together
     */
    Traffic(int limit, long bodyBudget) {
        this.limit = limit;
        this.bodyBudget = bodyBudget;
    }

    /** Limits of a server; all bodies together may take an eighth of the heap, and one of the largest size always. */
    static Traffic of(ApiSettings settings) {
        long budget = Math.max(settings.maxBodyBytes(), Runtime.getRuntime().maxMemory() / 8);
        return new Traffic(settings.maxConcurrentRequests(), budget);
    }

    /**
     * Takes room for a part of a body; {@link #releaseBody} must follow when the request has ended.
     *
     * @throws SlayerException 429, with nothing taken, if the bodies in progress leave no room
     */
    void holdBody(long bytes) {
        if (bodyBytes.addAndGet(bytes) > bodyBudget) {
            bodyBytes.addAndGet(-bytes);
            throw new SlayerException(
                    429,
                    "rate_limit_exceeded",
                    null,
                    "The bodies of the requests in progress take all of their " + bodyBudget
                            + " bytes; try again in a moment.",
                    null);
        }
    }

    void releaseBody(long bytes) {
        bodyBytes.addAndGet(-bytes);
    }

    /**
     * Takes room for what a comparison of variants, or the embeddings of a request, keep; {@link #releaseRows} must follow when the
     * request has ended. All together may take a quarter of the heap, and one of the largest size always.
     *
     * @throws SlayerException 429, with nothing taken, if those in progress leave no room
     */
    void holdRows(long bytes) {
        if (rowBytes.addAndGet(bytes) > rowBudget) {
            rowBytes.addAndGet(-bytes);
            throw new SlayerException(
                    429,
                    "rate_limit_exceeded",
                    null,
                    "The comparisons and embeddings in progress leave no room for another " + bytes
                            + " bytes within their " + rowBudget + "; try again in a moment, or ask for less at once.",
                    null);
        }
    }

    void releaseRows(long bytes) {
        rowBytes.addAndGet(-bytes);
    }

    /** A reply in progress, and how to cut it off from any thread. */
    private interface Running {
        void cutOff(SlayerException reason);
    }

    @Override
    public void handle(RoutingContext ctx) {
        if (draining) {
            ctx.fail(shuttingDown());
            return;
        }
        if (requests.incrementAndGet() > limit) {
            requests.decrementAndGet();
            ctx.fail(new SlayerException(
                    429,
                    "rate_limit_exceeded",
                    null,
                    "All " + limit + " places for concurrent requests are taken; try again in a moment.",
                    null));
            return;
        }
        ctx.addEndHandler(done -> {
            requests.decrementAndGet();
            completeIfIdle();
        });
        ctx.next();
    }

    boolean draining() {
        return draining;
    }

    /** Turns new requests away; completes when the last one in progress has ended. After the deadline the rest is cut off. */
    CompletableFuture<Void> drain(Duration deadline) {
        if (!draining) {
            draining = true;
            CompletableFuture.delayedExecutor(deadline.toNanos(), TimeUnit.NANOSECONDS)
                    .execute(this::cutOff);
            completeIfIdle();
        }
        return idle.copy();
    }

    /** Some clients may not even read that: they are not waited for. */
    private void cutOff() {
        running.forEach(reply -> reply.cutOff(shuttingDown()));
        CompletableFuture.delayedExecutor(LAST_WORDS_SECONDS, TimeUnit.SECONDS).execute(() -> idle.complete(null));
    }

    private void completeIfIdle() {
        if (draining && requests.get() == 0) {
            idle.complete(null);
        }
    }

    /** Follows a reply until its request has ended: it can be cut off meanwhile, and is abandoned then. On the request's event loop. */
    void follow(RoutingContext ctx, Consumer<SlayerException> fail, Runnable abandon) {
        Context loop = ctx.vertx().getOrCreateContext();
        Running reply = reason -> loop.runOnContext(nothing -> fail.accept(reason));
        running.add(reply);
        ctx.addEndHandler(done -> {
            running.remove(reply);
            abandon.run();
        });
    }

    /** What a request is told whose sequence the engine cancelled by itself. */
    static SlayerException cancelled() {
        return new SlayerException(
                503, "cancelled", null, "The server cancelled this request while it shut down.", null);
    }

    static SlayerException shuttingDown() {
        return new SlayerException(
                503, "shutting_down", null, "The server is shutting down; try again in a few seconds.", null);
    }
}
