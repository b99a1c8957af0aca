package dev.slayer.server.api;

import io.vertx.ext.web.RoutingContext;
import java.time.Duration;

/** An answer that is sent when it is complete. */
final class WholeReply extends Reply {
    private final Duration stallTimeout;

    WholeReply(RoutingContext ctx, Generation generation, ModelMetrics metrics, Duration stallTimeout) {
        super(ctx, generation, metrics);
        this.stallTimeout = stallTimeout;
    }

    @Override
    void grown(Choice choice) {}

    @Override
    void ended(Choice choice) {}

    @Override
    void complete() {
        JsonBody.send(ctx, stallTimeout, out -> writer.writeWhole(out, choices));
    }

    @Override
    void flush() {}

    @Override
    void breakOff(Throwable cause) {
        ctx.fail(cause);
    }

    @Override
    void release() {}
}
