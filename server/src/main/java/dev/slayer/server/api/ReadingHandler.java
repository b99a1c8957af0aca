package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.slayer.surgery.SlayerException;
import io.vertx.core.Handler;
import io.vertx.ext.web.RoutingContext;
import java.io.IOException;
import java.io.OutputStream;

/**
 * POST /v1/score, /v1/perplexity and /v1/embeddings: a worker parses and tokenizes, the engine reads, a run collects.
 *
 * @param <R> what is found out about each sequence
 */
final class ReadingHandler<R> implements Handler<RoutingContext> {
    private final ApiScope scope;
    private final Mailbox mailbox;
    private final ReadingJob.Reader<R> reader;

    ReadingHandler(ApiScope scope, Mailbox mailbox, ReadingJob.Reader<R> reader) {
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
    private record Prepared<R>(ReadingJob<R> job, ModelUse use) {}

    private Prepared<R> prepare(byte[] body, RequestedModel wanted) {
        Fields fields = Json.parse(body);
        if (fields.flag("stream", false)) {
            throw SlayerException.badRequest("stream", "This answer comes as a whole; leave stream out.");
        }
        ModelUse use = scope.models().use(wanted.or(fields));
        boolean ready = false;
        try {
            ReadingJob<R> job = reader.read(fields, use.model());
            ready = true;
            return new Prepared<>(job, use);
        } finally {
            if (!ready) {
                use.close();
            }
        }
    }

    private void run(RoutingContext ctx, Prepared<R> prepared, long arrival) {
        ModelUse use = prepared.use;
        if (ctx.response().closed() || ctx.response().ended()) {
            use.close();
            return;
        }
        ctx.addEndHandler(done -> use.close());
        ReadingJob<R> job = prepared.job;
        try {
            scope.traffic().holdRows(job.bytes());
        } catch (SlayerException e) {
            ctx.fail(e);
            return;
        }
        ctx.addEndHandler(done -> scope.traffic().releaseRows(job.bytes()));
        use.model().requests().increment();
        ReplyHeaders.put(ctx, use.model(), job.warning());
        ReplyHead head = ReplyHead.now(job.kind(), use);
        ReadingRun<R> run = new ReadingRun<>(ctx, use.model(), job.readings(), scope, mailbox, arrival);
        scope.traffic().follow(ctx, run::fail, run::abandon);
        run.start(
                outcome -> JsonBody.send(ctx, scope.settings().stallTimeout(), out -> write(out, head, job, outcome)));
    }

    private void write(OutputStream out, ReplyHead head, ReadingJob<R> job, ReadingRun.Outcome<R> outcome)
            throws IOException {
        long prompt = job.readings().stream().mapToLong(Reading::length).sum();
        try (JsonGenerator json = Json.MAPPER.createGenerator(out)) {
            json.writeStartObject();
            head.write(json, "list");
            json.writeArrayFieldStart("data");
            job.writeData(json, outcome.results());
            json.writeEndArray();
            new Usage(prompt, 0, outcome.cachedTokens()).write(json);
            json.writeEndObject();
        }
    }
}
