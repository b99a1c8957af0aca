package dev.slayer.server.api;

import io.vertx.core.Handler;
import io.vertx.ext.web.RoutingContext;
import java.util.UUID;
import java.util.regex.Pattern;

/** Gives every request an id: the client's {@code x-request-id} if it is a decent one, otherwise a new one. */
final class RequestIds implements Handler<RoutingContext> {
    private static final String HEADER = "x-request-id";
    private static final String KEY = "request-id";
    private static final Pattern DECENT = Pattern.compile("[A-Za-z0-9._:/+=-]{1,128}");

    @Override
    public void handle(RoutingContext ctx) {
        String given = ctx.request().getHeader(HEADER);
        String id = given != null && DECENT.matcher(given).matches()
                ? given
                : UUID.randomUUID().toString().replace("-", "");
        ctx.put(KEY, id);
        ctx.response().putHeader(HEADER, id);
        ctx.next();
    }

    static String of(RoutingContext ctx) {
        return ctx.get(KEY, "unknown");
    }
}
