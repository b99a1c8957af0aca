package dev.slayer.server.api;

import dev.slayer.surgery.SlayerException;
import io.vertx.core.Context;
import io.vertx.core.Handler;
import io.vertx.ext.web.RoutingContext;

/** POST /v1/completions and /v1/chat/completions: a worker parses and tokenizes, the engine runs, a reply collects. */
final class GenerationHandler implements Handler<RoutingContext> {
    private final ApiScope scope;
    private final Mailbox mailbox;
    private final boolean chat;

    GenerationHandler(ApiScope scope, Mailbox mailbox, boolean chat) {
        this.scope = scope;
        this.mailbox = mailbox;
        this.chat = chat;
    }

    @Override
    public void handle(RoutingContext ctx) {
        long arrival = System.nanoTime();
        byte[] body = BodyReader.body(ctx);
        String pathModel = ModelPath.of(ctx);
        ctx.vertx()
                .executeBlocking(() -> prepare(body, pathModel), false)
                .onSuccess(generation -> run(ctx, generation, arrival))
                .onFailure(ctx::fail);
    }

    private Generation prepare(byte[] body, String pathModel) {
        Fields fields = Json.parse(body);
        ServedModel model = ModelPath.resolve(scope.models(), pathModel, fields);
        return chat
                ? Generation.of(ChatRequest.read(fields, model, scope.settings()), model)
                : Generation.of(CompletionRequest.read(fields, model, scope.settings()), model);
    }

    private void run(RoutingContext ctx, Generation generation, long arrival) {
        if (ctx.response().closed() || ctx.response().ended()) {
            return;
        }
        generation.warning().ifPresent(warning -> ctx.response().putHeader("x-slayer-warning", warning));
        ModelMetrics metrics = scope.metrics().of(generation.model().name());
        Reply reply = generation.options().stream()
                ? new StreamReply(ctx, generation, metrics, scope.settings())
                : new WholeReply(ctx, generation, metrics, scope.settings().stallTimeout());
        Context loop = ctx.vertx().getOrCreateContext();
        Traffic.Running running = (SlayerException reason) -> loop.runOnContext(nothing -> reply.fail(reason));
        scope.traffic().started(running);
        ctx.addEndHandler(done -> {
            scope.traffic().ended(running);
            reply.abandon();
        });
        reply.start(scope.engine(), mailbox, arrival);
    }
}
