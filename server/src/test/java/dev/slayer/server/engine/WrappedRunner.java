package dev.slayer.server.engine;

import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Layout;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** A runner that does what another does, but for what a test overrides. */
class WrappedRunner implements Runner {
    private final Runner runner;

    WrappedRunner(Runner runner) {
        this.runner = runner;
    }

    @Override
    public ModelConfig config() {
        return runner.config();
    }

    @Override
    public Kv openKv(Layout layout) {
        return runner.openKv(layout);
    }

    @Override
    public long kvBytes(Layout layout, int rows) {
        return runner.kvBytes(layout, rows);
    }

    @Override
    public CompletableFuture<Stack> prepare(Layout layout) {
        return runner.prepare(layout);
    }

    @Override
    public StackCost cost(Layout layout) {
        return runner.cost(layout);
    }

    @Override
    public void run(List<Chunk> chunks, Sink sink) {
        runner.run(chunks, sink);
    }

    @Override
    public CompletableFuture<Void> retire() {
        return runner.retire();
    }
}
