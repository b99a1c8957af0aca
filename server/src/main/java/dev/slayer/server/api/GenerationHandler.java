package dev.slayer.server.api;

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
        RequestedModel wanted = RequestedModel.of(ctx);
        ctx.vertx()
                .executeBlocking(() -> prepare(body, wanted), false)
                .onSuccess(prepared -> run(ctx, prepared, arrival))
                .onFailure(ctx::fail);
    }

    /** A request that is ready to run, and the model that stays loaded until it has been answered. */
    private record Prepared(Generation generation, ModelUse use) {}

    private Prepared prepare(byte[] body, RequestedModel wanted) {
        Fields fields = Json.parse(body);
        ModelUse use = scope.models().use(wanted.or(fields));
        boolean ready = false;
        try {
            ServedModel model = use.model();
            Generation generation = chat
                    ? Generation.of(ChatRequest.read(fields, model, scope.settings()), model, use.shown())
                    : Generation.of(CompletionRequest.read(fields, model, scope.settings()), model, use.shown());
            ready = true;
            return new Prepared(generation, use);
        } finally {
            if (!ready) {
                use.close();
            }
        }
    }

    private void run(RoutingContext ctx, Prepared prepared, long arrival) {
        Generation generation = prepared.generation;
        if (ctx.response().closed() || ctx.response().ended()) {
            prepared.use.close();
            return;
        }
        ctx.addEndHandler(done -> prepared.use.close());
        generation.model().requests().increment();
        ReplyHeaders.put(ctx, generation.model(), generation.warning());
        ModelMetrics metrics = scope.metrics().of(generation.model().name());
        Reply reply = generation.options().stream()
                ? new StreamReply(ctx, generation, metrics, scope.settings())
                : new WholeReply(ctx, generation, metrics, scope.settings().stallTimeout());
        scope.traffic().follow(ctx, reply::fail, reply::abandon);
        reply.start(scope.engine(), mailbox, arrival);
    }
}
