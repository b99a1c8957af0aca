package dev.slayer.server.api;

import io.vertx.ext.web.RoutingContext;
import java.util.Optional;

/** Headers of the answers of a model. */
final class ReplyHeaders {
    private static final int LONGEST_LAYOUT = 1024;

    private ReplyHeaders() {}

    /**
     * Names the layout that answers, in its canonical text.
     *
     * @param warning what the client should know although the request runs
     */
    static void put(RoutingContext ctx, ServedModel model, Optional<String> warning) {
        String layout = model.layout().text();
        ctx.response()
                .putHeader(
                        "x-slayer-layout",
                        layout.length() <= LONGEST_LAYOUT ? layout : layout.substring(0, LONGEST_LAYOUT) + "...");
        warning.ifPresent(text -> ctx.response().putHeader("x-slayer-warning", text));
    }
}
