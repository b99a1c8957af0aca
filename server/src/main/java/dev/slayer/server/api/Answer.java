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

    /** With what a worker thread makes. */
    static void with(RoutingContext ctx, ApiScope scope, int status, Callable<JsonBody.Document> work) {
        send(ctx, scope, status, ctx.vertx().executeBlocking(work, false));
    }

    /** With what a worker thread begins, and what comes in its own time. */
    static void later(
            RoutingContext ctx, ApiScope scope, int status, Callable<CompletableFuture<JsonBody.Document>> work) {
        Context loop = ctx.vertx().getOrCreateContext();
        send(
                ctx,
                scope,
                status,
                ctx.vertx().executeBlocking(work, false).compose(begun -> Future.fromCompletionStage(begun, loop)));
    }

    private static void send(RoutingContext ctx, ApiScope scope, int status, Future<JsonBody.Document> work) {
        work.onSuccess(document -> {
                    if (!ctx.response().ended() && !ctx.response().closed()) {
                        ctx.response().setStatusCode(status);
                        JsonBody.send(ctx, scope.settings().stallTimeout(), document);
                    }
                })
                .onFailure(
                        cause -> ctx.fail(cause instanceof CompletionException wrapped ? wrapped.getCause() : cause));
    }
}
