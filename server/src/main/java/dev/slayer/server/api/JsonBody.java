package dev.slayer.server.api;

import io.vertx.core.Context;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A JSON response of any size. A virtual thread writes it; what fits into one piece goes out as one, the rest follows piece by
 * piece as fast as the client reads, so that a response of many megabytes occupies a few kilobytes beside its data.
 */
final class JsonBody extends OutputStream {
    private static final Logger LOG = LoggerFactory.getLogger(JsonBody.class);
    private static final int PIECE = 32 << 10;

    private final RoutingContext ctx;
    private final HttpServerResponse response;
    private final Context loop;
    private final Duration stallTimeout;
    private final Semaphore room = new Semaphore(1);
    private Buffer piece = Buffer.buffer(1024);
    private boolean shipped;
    private volatile boolean gone;

    private JsonBody(RoutingContext ctx, Context loop, Duration stallTimeout) {
        this.ctx = ctx;
        this.response = ctx.response();
        this.loop = loop;
        this.stallTimeout = stallTimeout;
    }

    /** Writes the document; runs on a virtual thread. */
    interface Document {
        void write(OutputStream out) throws IOException;
    }

    /** Sends a document with status 200; to be called on the event loop of the request, returns at once. */
    static void send(RoutingContext ctx, Duration stallTimeout, Document document) {
        if (ctx.response().closed()) {
            return;
        }
        JsonBody body = new JsonBody(ctx, ctx.vertx().getOrCreateContext(), stallTimeout);
        ctx.addEndHandler(done -> body.leave());
        Thread.ofVirtual().name("response").start(() -> body.run(document));
    }

    private void run(Document document) {
        try {
            document.write(this);
            Buffer last = piece;
            loop.runOnContext(nothing -> end(last));
        } catch (IOException clientGone) {
            LOG.debug("response not sent: {}", clientGone.getMessage());
            loop.runOnContext(nothing -> ClientConnection.drop(ctx));
        } catch (RuntimeException | Error e) {
            loop.runOnContext(nothing -> broken(e));
        }
    }

    @Override
    public void write(int b) throws IOException {
        piece.appendByte((byte) b);
        shipIfFull();
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
        piece.appendBytes(bytes, offset, length);
        shipIfFull();
    }

    private void shipIfFull() throws IOException {
        if (piece.length() < PIECE) {
            return;
        }
        awaitRoom();
        Buffer full = piece;
        piece = Buffer.buffer(PIECE);
        shipped = true;
        loop.runOnContext(nothing -> ship(full));
    }

    private void awaitRoom() throws IOException {
        try {
            if (!room.tryAcquire(stallTimeout.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new IOException("the client has not read for " + stallTimeout);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
        if (gone) {
            throw new IOException("the client went away");
        }
    }

    private void ship(Buffer full) {
        if (gone) {
            return;
        }
        if (!response.headWritten()) {
            response.putHeader("content-type", "application/json").setChunked(true);
        }
        response.write(full);
        if (response.writeQueueFull()) {
            response.drainHandler(nothing -> room.release());
        } else {
            room.release();
        }
    }

    private void end(Buffer last) {
        if (!gone) {
            if (!response.headWritten()) {
                response.putHeader("content-type", "application/json");
            }
            response.end(last);
        }
    }

    private void broken(Throwable cause) {
        if (shipped) {
            Failures.render(ctx, cause);
            ClientConnection.drop(ctx);
        } else {
            ctx.fail(cause);
        }
    }

    private void leave() {
        gone = true;
        room.release();
    }
}
