package dev.slayer.server.api;

import dev.slayer.surgery.SlayerException;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import java.util.BitSet;

/**
 * An answer as server-sent events. A token is a chunk, and all chunks of a batch are one write. While the client's socket is full
 * its tokens stay in their choices, and come as one chunk per choice when there is room again; a client that lets too many
 * pile up loses its sequences, one that never reads loses its connection.
 */
final class StreamReply extends Reply {
    /** Bytes that are written at once although more may follow. */
    private static final int LARGE = 64 << 10;

    private static final long NO_TIMER = -1;

    private final ApiSettings settings;
    private final HttpServerResponse response;
    private final BitSet opened = new BitSet();
    private final BitSet closed = new BitSet();
    private Buffer outgoing = Buffer.buffer();
    private boolean blocked;
    private int queuedTokens;
    private long stallTimer = NO_TIMER;
    private ErrorBody lastWords;

    StreamReply(RoutingContext ctx, Generation generation, ModelMetrics metrics, ApiSettings settings) {
        super(ctx, generation, metrics);
        this.settings = settings;
        this.response = ctx.response();
    }

    @Override
    void grown(Choice choice) {
        if (!blocked) {
            append(choice);
        } else if (++queuedTokens > settings.maxQueuedTokens()) {
            fail(new SlayerException(
                    408,
                    "slow_client",
                    null,
                    "This stream was cancelled: over " + settings.maxQueuedTokens()
                            + " tokens waited for the client to read them.",
                    null));
        }
    }

    @Override
    void ended(Choice choice) {
        if (!blocked) {
            append(choice);
        }
    }

    @Override
    void complete() {
        if (!blocked) {
            finish();
        }
    }

    @Override
    void flush() {
        if (outgoing.length() == 0 || response.ended() || response.closed()) {
            return;
        }
        writeHead();
        response.write(outgoing);
        outgoing = Buffer.buffer();
        if (!blocked && response.writeQueueFull()) {
            blocked = true;
            stallTimer = ctx.vertx().setTimer(settings.stallTimeout().toMillis(), timer -> ClientConnection.drop(ctx));
            response.drainHandler(nothing -> drained());
        }
    }

    @Override
    void breakOff(Throwable cause) {
        if (!response.headWritten() && outgoing.length() == 0) {
            ctx.fail(cause);
            return;
        }
        lastWords = Failures.render(ctx, cause);
        if (!blocked) {
            finish();
        }
    }

    @Override
    void release() {
        stopTimer();
    }

    private void append(Choice choice) {
        if (!opened.get(choice.index())) {
            opened.set(choice.index());
            writer.appendOpening(outgoing, choice);
        }
        writer.appendPiece(outgoing, choice, choice.end());
        if (choice.end().isPresent()) {
            closed.set(choice.index());
        }
        if (outgoing.length() >= LARGE) {
            flush();
        }
    }

    /** The socket has room again. */
    private void drained() {
        if (!blocked) {
            return;
        }
        stopTimer();
        blocked = false;
        queuedTokens = 0;
        if (lastWords == null) {
            for (Choice choice : choices) {
                boolean waits = !choice.piece().isEmpty() || choice.end().isPresent();
                if (waits && !blocked && !closed.get(choice.index())) {
                    append(choice);
                }
            }
        }
        if (lastWords != null || finished()) {
            if (!blocked) {
                finish();
            }
        } else {
            flush();
        }
    }

    private void finish() {
        if (response.ended() || response.closed()) {
            return;
        }
        if (lastWords != null) {
            ReplyWriter.appendError(outgoing, lastWords);
        } else if (generation.options().includeUsage()) {
            writer.appendUsage(outgoing, choices);
        }
        outgoing.appendBuffer(ReplyWriter.DONE);
        writeHead();
        response.end(outgoing);
        outgoing = Buffer.buffer();
    }

    private void writeHead() {
        writeHead(response);
    }

    /** Begins a response of events, unless it has begun. */
    static void writeHead(HttpServerResponse response) {
        if (!response.headWritten()) {
            response.setChunked(true)
                    .putHeader("content-type", "text/event-stream; charset=utf-8")
                    .putHeader("cache-control", "no-cache")
                    .putHeader("x-accel-buffering", "no");
        }
    }

    private void stopTimer() {
        if (stallTimer != NO_TIMER) {
            ctx.vertx().cancelTimer(stallTimer);
            stallTimer = NO_TIMER;
        }
    }
}
