package dev.slayer.server.api;

import dev.slayer.server.engine.SequenceEvent.Generated;
import dev.slayer.surgery.SlayerException;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;

/**
 * A comparison as server-sent events. While the client's socket is full, what the prompt at hand still says is kept and the next
 * prompt waits; a client that lets too much pile up loses its comparison, one that never reads loses its connection.
 */
final class AbStream implements AbOutput {
    private static final long NO_TIMER = -1;

    private final RoutingContext ctx;
    private final HttpServerResponse response;
    private final AbWriter writer;
    private final ApiSettings settings;
    private final Runnable room;
    private Buffer outgoing = Buffer.buffer();
    private boolean begun;
    private boolean blocked;
    private boolean finished;
    private long waitingTokens;
    private long stallTimer = NO_TIMER;

    /** @param room called when the client has caught up */
    AbStream(RoutingContext ctx, AbWriter writer, ApiSettings settings, Runnable room) {
        this.ctx = ctx;
        this.response = ctx.response();
        this.writer = writer;
        this.settings = settings;
        this.room = room;
    }

    @Override
    public void token(AbAnswer answer, Generated token) {
        begun = true;
        count(1);
        ReplyWriter.event(outgoing, bytes -> writer.writeToken(bytes, answer, token));
    }

    @Override
    public void answer(AbAnswer answer) {
        count(answer.tokens().length);
        ReplyWriter.event(outgoing, bytes -> writer.writeAnswer(bytes, answer));
    }

    @Override
    public void failure(AbVariant variant, SlayerException error) {
        AbWriter.Failure failure = new AbWriter.Failure(variant, Failures.render(ctx, error));
        ReplyWriter.event(outgoing, bytes -> writer.writeFailure(bytes, failure));
    }

    @Override
    public void summary(AbSummary summary) {
        begun = true;
        ReplyWriter.event(outgoing, bytes -> writer.writeSummary(bytes, summary));
    }

    private void count(int tokens) {
        if (blocked) {
            waitingTokens += tokens;
            if (waitingTokens > settings.maxQueuedTokens()) {
                throw new SlayerException(
                        408,
                        "slow_client",
                        null,
                        "This stream was cancelled: over " + settings.maxQueuedTokens()
                                + " tokens waited for the client to read them.",
                        null);
            }
        }
    }

    @Override
    public boolean ready() {
        return !blocked;
    }

    /** Failures alone do not begin the stream: if all variants fail, the request's status can still say so. */
    @Override
    public void flush() {
        if (!begun || blocked || finished || outgoing.length() == 0 || response.ended() || response.closed()) {
            return;
        }
        StreamReply.writeHead(response);
        response.write(outgoing);
        outgoing = Buffer.buffer();
        if (response.writeQueueFull()) {
            blocked = true;
            stallTimer = ctx.vertx().setTimer(settings.stallTimeout().toMillis(), timer -> ClientConnection.drop(ctx));
            response.drainHandler(nothing -> drained());
        }
    }

    private void drained() {
        if (!blocked) {
            return;
        }
        release();
        blocked = false;
        waitingTokens = 0;
        if (finished) {
            end();
            return;
        }
        flush();
        if (!blocked) {
            room.run();
        }
    }

    @Override
    public void finish() {
        finished = true;
        outgoing.appendBuffer(ReplyWriter.DONE);
        if (!blocked) {
            end();
        }
    }

    @Override
    public void fail(Throwable cause) {
        outgoing = Buffer.buffer();
        if (!response.headWritten()) {
            ctx.fail(cause);
            return;
        }
        ReplyWriter.appendError(outgoing, Failures.render(ctx, cause));
        finish();
    }

    private void end() {
        if (!response.ended() && !response.closed()) {
            StreamReply.writeHead(response);
            response.end(outgoing);
        }
        outgoing = Buffer.buffer();
    }

    @Override
    public void release() {
        if (stallTimer != NO_TIMER) {
            ctx.vertx().cancelTimer(stallTimer);
            stallTimer = NO_TIMER;
        }
    }
}
