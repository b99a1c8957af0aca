package dev.slayer.server.api;

import dev.slayer.surgery.SlayerException;
import io.vertx.core.Handler;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.ext.web.RoutingContext;
import java.time.Duration;

/** Reads a request's body into memory, up to a limit, and not longer than a patient server waits. */
final class BodyReader implements Handler<RoutingContext> {
    private static final String KEY = "request-body";

    private final int limit;
    private final Duration patience;
    private final Traffic traffic;

    /**
     * @param traffic keeps all bodies together under their limit
     */
    BodyReader(int limit, Duration patience, Traffic traffic) {
        this.limit = limit;
        this.patience = patience;
        this.traffic = traffic;
    }

    /** The body that was read. */
    static byte[] body(RoutingContext ctx) {
        return ctx.<Buffer>get(KEY).getBytes();
    }

    @Override
    public void handle(RoutingContext ctx) {
        HttpServerRequest request = ctx.request();
        long timer = ctx.vertx().setTimer(patience.toMillis(), late -> ClientConnection.drop(ctx));
        ctx.addEndHandler(done -> ctx.vertx().cancelTimer(timer));
        Buffer body = Buffer.buffer();
        ctx.addEndHandler(done -> traffic.releaseBody(body.length()));
        boolean declaredTooLarge = declaredLength(request) > limit;
        if (declaredTooLarge) {
            // What still arrives is read and dropped, so that the client gets to see the answer.
            request.handler(dropped -> {});
            ctx.fail(tooLarge());
            return;
        }
        request.handler(part -> {
            if (ctx.failed()) {
                return;
            }
            if (body.length() + part.length() > limit) {
                ctx.fail(tooLarge());
            } else {
                hold(ctx, body, part);
            }
        });
        request.endHandler(end -> {
            ctx.vertx().cancelTimer(timer);
            if (!ctx.failed()) {
                ctx.put(KEY, body);
                ctx.next();
            }
        });
    }

    private void hold(RoutingContext ctx, Buffer body, Buffer part) {
        try {
            traffic.holdBody(part.length());
            body.appendBuffer(part);
        } catch (SlayerException e) {
            ctx.fail(e);
        }
    }

    private static long declaredLength(HttpServerRequest request) {
        String length = request.getHeader("content-length");
        try {
            return length == null ? 0 : Long.parseLong(length);
        } catch (NumberFormatException e) {
            throw new SlayerException(
                    400, "bad_request", null, "content-length='" + Excerpt.of(length) + "' is no number.", e);
        }
    }

    private SlayerException tooLarge() {
        return new SlayerException(
                413,
                "request_too_large",
                null,
                "The request body is over " + limit + " bytes (max-body-bytes); send fewer or shorter prompts.",
                null);
    }
}
