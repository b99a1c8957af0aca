package dev.slayer.clients;

import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/**
 * The body of a streaming response. The HTTP client's threads put bytes in, one reader takes events out; the reader asks for
 * more bytes only when it has used up what came, so a slow reader slows the server instead of filling memory.
 */
final class EventBody implements HttpResponse.BodySubscriber<EventBody> {
    private static final int MAX_EVENT_BYTES = 16 << 20;

    /** What the HTTP client's threads hand to the reader. */
    private sealed interface Delivery {
        record Bytes(List<ByteBuffer> buffers) implements Delivery {}

        record End() implements Delivery {}

        record Broken(Throwable cause) implements Delivery {}

        record Closed() implements Delivery {}
    }

    private final BlockingQueue<Delivery> deliveries = new LinkedBlockingQueue<>();
    private final AtomicReference<Flow.Subscription> subscription = new AtomicReference<>();
    private volatile boolean cancelled;
    private final ServerSentEventParser parser = new ServerSentEventParser(MAX_EVENT_BYTES);
    private final Deque<ServerSentEvent> ready = new ArrayDeque<>();

    /**
     * The next event; waits for it.
     *
     * @return null at the end of the body
     * @throws SlayerClientException {@code timeout} if nothing came for so long, {@code connection_failed} if the connection
     *     broke, {@code closed} after {@link #cancel()}, {@code interrupted}
     */
    ServerSentEvent next(Duration idleTimeout) {
        while (ready.isEmpty()) {
            Delivery delivery = take(idleTimeout);
            switch (delivery) {
                case Delivery.Bytes(List<ByteBuffer> buffers) -> {
                    buffers.forEach(buffer -> ready.addAll(parser.feed(buffer)));
                    subscription.get().request(1);
                }
                case Delivery.End() -> {
                    deliveries.add(delivery);
                    return null;
                }
                case Delivery.Closed() -> {
                    deliveries.add(delivery);
                    throw SlayerClientException.withoutAnswer("closed", "The stream was closed.", null);
                }
                case Delivery.Broken(Throwable cause) -> {
                    deliveries.add(delivery);
                    throw SlayerClientException.withoutAnswer(
                            "connection_failed", "The connection broke in the middle of the stream: " + cause, cause);
                }
            }
        }
        return ready.poll();
    }

    /** Ends the stream from any thread: the connection is closed and a waiting reader wakes up. */
    void cancel() {
        cancelled = true;
        deliveries.add(new Delivery.Closed());
        Flow.Subscription source = subscription.get();
        if (source != null) {
            source.cancel();
        }
    }

    private Delivery take(Duration idleTimeout) {
        try {
            Delivery delivery = deliveries.poll(idleTimeout.toNanos(), TimeUnit.NANOSECONDS);
            if (delivery == null) {
                cancel();
                throw SlayerClientException.withoutAnswer(
                        "timeout", "The stream was silent for " + idleTimeout.toMillis() + " ms.", null);
            }
            return delivery;
        } catch (InterruptedException e) {
            cancel();
            Thread.currentThread().interrupt();
            throw SlayerClientException.withoutAnswer("interrupted", "Interrupted while waiting for the stream.", e);
        }
    }

    @Override
    public CompletionStage<EventBody> getBody() {
        return CompletableFuture.completedStage(this);
    }

    @Override
    public void onSubscribe(Flow.Subscription incoming) {
        subscription.set(incoming);
        if (cancelled) {
            incoming.cancel();
        } else {
            incoming.request(1);
        }
    }

    @Override
    public void onNext(List<ByteBuffer> buffers) {
        deliveries.add(new Delivery.Bytes(buffers));
    }

    @Override
    public void onError(Throwable cause) {
        deliveries.add(new Delivery.Broken(cause));
    }

    @Override
    public void onComplete() {
        deliveries.add(new Delivery.End());
    }
}
