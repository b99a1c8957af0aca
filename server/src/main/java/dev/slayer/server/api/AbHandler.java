package dev.slayer.server.api;

import dev.slayer.surgery.SlayerException;
import io.vertx.core.Handler;
import io.vertx.ext.web.RoutingContext;

/** POST /v1/ab: a worker parses and tokenizes, the engine generates and scores, a run puts the findings together. */
final class AbHandler implements Handler<RoutingContext> {
    private final ApiScope scope;
    private final Mailbox mailbox;

    AbHandler(ApiScope scope, Mailbox mailbox) {
        this.scope = scope;
        this.mailbox = mailbox;
    }

    @Override
    public void handle(RoutingContext ctx) {
        long arrival = System.nanoTime();
        byte[] body = BodyReader.body(ctx);
        if (!RequestedModel.of(ctx).isEmpty()) {
            throw SlayerException.badRequest(
                    "variants", "The query asks for an edited model; name it in variants, such as base@remove=3.");
        }
        ctx.vertx()
                .executeBlocking(() -> AbRequest.read(Json.parse(body), scope.settings(), scope.models()), false)
                .onSuccess(request -> run(ctx, request, arrival))
                .onFailure(ctx::fail);
    }

    private void run(RoutingContext ctx, AbRequest request, long arrival) {
        try {
            if (ctx.response().closed() || ctx.response().ended()) {
                request.close();
                return;
            }
            scope.traffic().holdRows(request.bytes());
        } catch (SlayerException e) {
            request.close();
            ctx.fail(e);
            return;
        }
        request.variants().forEach(variant -> variant.model().requests().increment());
        AbRun run = new AbRun(request, scope, mailbox, arrival);
        AbWriter writer = new AbWriter(request.variants());
        AbOutput output = request.stream()
                ? new AbStream(ctx, writer, scope.settings(), run::resume)
                : new AbWhole(ctx, writer, scope.settings().stallTimeout());
        scope.traffic().follow(ctx, run::fail, () -> {
            run.abandon();
            scope.traffic().releaseRows(request.bytes());
            request.close();
        });
        run.start(output);
    }
}
