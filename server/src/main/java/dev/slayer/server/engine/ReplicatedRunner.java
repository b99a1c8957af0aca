package dev.slayer.server.engine;

import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Layout;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * A checkpoint on several devices, on its way to {@link Replicas}, which gives each engine the runner of its device. Runs nothing itself.
 *
 * @param runners one for each engine, in their order
 */
public record ReplicatedRunner(List<Runner> runners) implements Runner {
    public ReplicatedRunner {
        runners = List.copyOf(runners);
    }

    @Override
    public ModelConfig config() {
        return runners.getFirst().config();
    }

    @Override
    public StackCost cost(Layout layout) {
        return runners.getFirst().cost(layout);
    }

    @Override
    public CompletableFuture<Stack> prepare(Layout layout) {
        throw apart();
    }

    @Override
    public Kv openKv(Layout layout) {
        throw apart();
    }

    @Override
    public long kvBytes(Layout layout, int rows) {
        throw apart();
    }

    @Override
    public void run(List<Chunk> chunks, Sink sink) {
        throw apart();
    }

    @Override
    public CompletableFuture<Void> retire() {
        return CompletableFuture.allOf(runners.stream().map(Runner::retire).toArray(CompletableFuture<?>[]::new));
    }

    private static IllegalStateException apart() {
        return new IllegalStateException("a replicated runner is taken apart by Replicas and runs nothing itself");
    }
}
