package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.slayer.surgery.SlayerException;
import io.vertx.core.Handler;
import io.vertx.ext.web.RoutingContext;
import java.io.IOException;
import java.io.OutputStream;

/** POST /v1/score and /v1/perplexity: a worker parses and tokenizes, the engine scores, a run collects. */
final class ScoringHandler implements Handler<RoutingContext> {
    private final ApiScope scope;
    private final Mailbox mailbox;
    private final ScoringJob.Reader reader;

    ScoringHandler(ApiScope scope, Mailbox mailbox, ScoringJob.Reader reader) {
        this.scope = scope;
        this.mailbox = mailbox;
        this.reader = reader;
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
    private record Prepared(ScoringJob job, ModelUse use) {}

    private Prepared prepare(byte[] body, RequestedModel wanted) {
        Fields fields = Json.parse(body);
        if (fields.flag("stream", false)) {
            throw SlayerException.badRequest("stream", "Scores come as one answer; leave stream out.");
        }
        ModelUse use = scope.models().use(wanted.or(fields));
        boolean ready = false;
        try {
            ScoringJob job = reader.read(fields, use.model());
            ready = true;
            return new Prepared(job, use);
        } finally {
            if (!ready) {
                use.close();
            }
        }
    }

    private void run(RoutingContext ctx, Prepared prepared, long arrival) {
        ModelUse use = prepared.use;
        if (ctx.response().closed() || ctx.response().ended()) {
            use.close();
            return;
        }
        ctx.addEndHandler(done -> use.close());
        ScoringJob job = prepared.job;
        use.model().requests().increment();
        ReplyHeaders.put(ctx, use.model(), job.warning());
        ReplyHead head = ReplyHead.now(job.kind(), use);
        ScoringRun run = new ScoringRun(ctx, use.model(), job.passages(), scope, mailbox, arrival);
        scope.traffic().follow(ctx, run::fail, run::abandon);
        run.start(
                outcome -> JsonBody.send(ctx, scope.settings().stallTimeout(), out -> write(out, head, job, outcome)));
    }

    private static void write(OutputStream out, ReplyHead head, ScoringJob job, ScoringRun.Outcome outcome)
            throws IOException {
        long prompt = job.passages().stream().mapToLong(Passage::length).sum();
        try (JsonGenerator json = Json.MAPPER.createGenerator(out)) {
            json.writeStartObject();
            head.write(json, "list");
            json.writeArrayFieldStart("data");
            job.writeData(json, outcome.scores());
            json.writeEndArray();
            new Usage(prompt, 0, outcome.cachedTokens()).write(json);
            json.writeEndObject();
        }
    }
}
