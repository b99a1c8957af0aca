package dev.slayer.server.api;

import dev.slayer.surgery.SlayerException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.vertx.core.Handler;
import io.vertx.core.VertxException;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.HttpException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The end of the one road for failure: whatever went wrong on the way leaves the server as an OpenAI error object. */
final class Failures implements Handler<RoutingContext> {
    private static final Logger LOG = LoggerFactory.getLogger(Failures.class);

    @Override
    public void handle(RoutingContext ctx) {
        HttpServerResponse response = ctx.response();
        if (response.ended() || response.closed()) {
            return;
        }
        ErrorBody error = error(ctx);
        if (response.headWritten()) {
            ClientConnection.drop(ctx);
            return;
        }
        switch (error.status()) {
            case 401 -> response.putHeader("www-authenticate", "Bearer");
            case 429 -> response.putHeader("retry-after", "1");
            case 503 -> response.putHeader("retry-after", "5");
            default -> {}
        }
        response.setStatusCode(error.status())
                .putHeader("content-type", "application/json")
                .end(Buffer.buffer(error.json()));
    }

    private static ErrorBody error(RoutingContext ctx) {
        Throwable cause = ctx.failure();
        if (cause == null) {
            return ofStatus(ctx);
        }
        boolean clientsFault = ctx.statusCode() >= 400 && ctx.statusCode() < 500;
        if (clientsFault
                && cause instanceof VertxException refused) { // the router's own checks, such as a missing host
            return ErrorBody.of(new SlayerException(
                    ctx.statusCode(), "bad_request", null, sentence(refused.getMessage()), refused));
        }
        if (cause instanceof HttpException refused && refused.getStatusCode() >= 400 && refused.getStatusCode() < 500) {
            Throwable reason = refused.getCause() == null ? refused : refused.getCause(); // such as a broken escape
            return ErrorBody.of(new SlayerException(
                    refused.getStatusCode(), "bad_request", null, sentence(reason.getMessage()), refused));
        }
        return render(ctx, cause);
    }

    /** A library's message with one full stop, and not too long. */
    private static String sentence(String message) {
        String text = Excerpt.of(String.valueOf(message));
        return text.endsWith(".") ? text : text + ".";
    }

    /** Answers what cannot even be read as a request, and closes the connection. */
    static void refuseMalformed(HttpServerRequest request) {
        int status = request.decoderResult().cause() instanceof TooLongHttpLineException ? 414 : 400;
        SlayerException error = new SlayerException(
                status,
                status == 414 ? "url_too_long" : "bad_request",
                null,
                "The request cannot be read as HTTP: "
                        + sentence(request.decoderResult().cause().getMessage()),
                request.decoderResult().cause());
        request.response()
                .setStatusCode(status)
                .putHeader("content-type", "application/json")
                .putHeader("connection", "close")
                .end(Buffer.buffer(ErrorBody.of(error).json()));
    }

    /** The error to show for a cause; logs what the client is not told. */
    static ErrorBody render(RoutingContext ctx, Throwable cause) {
        String id = RequestIds.of(ctx);
        if (cause instanceof SlayerException failure) {
            switch (failure.status()) {
                case 503 -> {} // said by the server itself, on its way down
                case 507 -> LOG.warn("request {} needs more memory than there is: {}", id, failure.getMessage());
                default -> {
                    if (failure.status() >= 500) {
                        LOG.error("request {} failed: {}", id, failure.getMessage(), failure);
                    }
                }
            }
            return ErrorBody.of(failure);
        }
        LOG.error("request {} met a defect", id, cause);
        return ErrorBody.of(SlayerException.internal(
                "The server met a defect while it answered; its log tells more under the request id " + id + ".",
                cause));
    }

    private static ErrorBody ofStatus(RoutingContext ctx) {
        String method = ctx.request().method().name();
        String path = Excerpt.of(String.valueOf(ctx.request().path()));
        return ErrorBody.of(
                switch (ctx.statusCode()) {
                    case 404 ->
                        new SlayerException(
                                404, "not_found", null, "There is no route " + method + " " + path + ".", null);
                    case 405 ->
                        new SlayerException(
                                405, "method_not_allowed", null, path + " does not take " + method + ".", null);
                    case 500 ->
                        SlayerException.internal("The server could not answer " + method + " " + path + ".", null);
                    default ->
                        new SlayerException(
                                Math.clamp(ctx.statusCode(), 400, 599),
                                "bad_request",
                                null,
                                "The request " + method + " " + path + " cannot be understood.",
                                null);
                });
    }
}
