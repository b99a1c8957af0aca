package dev.slayer.server.api;

import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.ext.web.RoutingContext;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** Answers a request with JSON that is made elsewhere than on its event loop. */
final class Answer {
    private Answer() {}

    /** A status and what comes with it. */
    record Reply(int status, JsonBody.Document document) {}

    /** With what a worker thread makes. */
    static void with(RoutingContext ctx, ApiScope scope, int status, Callable<JsonBody.Document> work) {
        send(ctx, scope, ctx.vertx().executeBlocking(() -> new Reply(status, work.call()), false));
    }

    /** With what a worker thread begins, and what comes in its own time. */
    static void later(RoutingContext ctx, ApiScope scope, Callable<CompletableFuture<Reply>> work) {
        Context loop = ctx.vertx().getOrCreateContext();
        send(
                ctx,
                scope,
                ctx.vertx().executeBlocking(work, false).compose(begun -> Future.fromCompletionStage(begun, loop)));
    }

    private static void send(RoutingContext ctx, ApiScope scope, Future<Reply> work) {
        work.onSuccess(reply -> {
                    if (!ctx.response().ended() && !ctx.response().closed()) {
                        ctx.response().setStatusCode(reply.status());
                        JsonBody.send(ctx, scope.settings().stallTimeout(), reply.document());
                    }
                })
                .onFailure(
                        cause -> ctx.fail(cause instanceof CompletionException wrapped ? wrapped.getCause() : cause));
    }
}
