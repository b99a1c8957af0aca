package dev.slayer.server.api;

import dev.slayer.server.engine.SequenceEvent.Generated;
import dev.slayer.surgery.SlayerException;
import io.vertx.ext.web.RoutingContext;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A comparison that is sent when it is complete. */
final class AbWhole implements AbOutput {
    private final RoutingContext ctx;
    private final AbWriter writer;
    private final Duration stallTimeout;
    private final List<AbAnswer> answers = new ArrayList<>();
    private final List<AbWriter.Failure> failures = new ArrayList<>();
    private final List<AbSummary> summaries = new ArrayList<>();

    AbWhole(RoutingContext ctx, AbWriter writer, Duration stallTimeout) {
        this.ctx = ctx;
        this.writer = writer;
        this.stallTimeout = stallTimeout;
    }

    @Override
    public void token(AbAnswer answer, Generated token) {}

    @Override
    public void answer(AbAnswer answer) {
        answers.add(answer);
    }

    @Override
    public void failure(AbVariant variant, SlayerException error) {
        failures.add(new AbWriter.Failure(variant, Failures.render(ctx, error)));
    }

    @Override
    public void summary(AbSummary summary) {
        summaries.add(summary);
    }

    @Override
    public boolean ready() {
        return true;
    }

    @Override
    public void finish() {
        JsonBody.send(ctx, stallTimeout, out -> writer.writeWhole(out, answers, failures, summaries));
    }

    @Override
    public void flush() {}

    @Override
    public void fail(Throwable cause) {
        ctx.fail(cause);
    }

    @Override
    public void release() {}
}
