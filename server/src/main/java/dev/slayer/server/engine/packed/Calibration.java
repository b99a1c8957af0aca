package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.Accelerator;
import dev.slayer.server.accelerator.DeviceMemory;
import dev.slayer.server.accelerator.HostMemory;
import dev.slayer.server.engine.block.WeightType;
import dev.slayer.server.onnx.Binding;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.server.onnx.Session;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.LayerRef;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Recipe;
import dev.slayer.surgery.recipe.LayerSource;
import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;

/**
 * Finds the scales of KV of 8 bits. Some tokens walk once through each checkpoint, with KV as computed, and the rows that arrive at
 * each layer are kept. The scales of a block are then what its own keys and values of the rows kept of its recipe's layers
 * reach: the same for a layer as it is, for whatever is made of some, and for what a delta has trained. Thread-safe. All is done by
 * one thread with a queue of its own: ONNX Runtime keeps memory on the device for each thread that runs a session.
 */
final class Calibration implements AutoCloseable {
    private final OnnxRuntime runtime;
    private final Accelerator queue;
    private final Uploads uploads;
    private final PackedOptions options;
    private final Map<Checkpoint, KeptRows> kept = Collections.synchronizedMap(new IdentityHashMap<>());
    private final Map<PackedSessions.Shape, Session> sessions = new HashMap<>();
    private final ExecutorService thread = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("calibration").factory());

    /**
     * @param queue of its own; closed by it
     * @param options of what is calibrated
     */
    Calibration(OnnxRuntime runtime, Accelerator queue, Uploads uploads, PackedOptions options) {
        this.runtime = runtime;
        this.queue = queue;
        this.uploads = uploads;
        this.options = options;
    }

    /** Rows kept of a checkpoint; closed when no block of it will be made any more. */
    interface Hold extends AutoCloseable {
        /** What is held where nothing is calibrated. */
        Hold NONE = () -> {};

        @Override
        void close();
    }

    /**
     * Sends the tokens through a checkpoint, one layer in memory after the other.
     *
     * @param layout its layers in their order, with their gates; of recipes nothing is asked
     * @throws dev.slayer.surgery.SlayerException if a tensor cannot be read or the device refuses
     */
    Hold walk(Checkpoint checkpoint, Layout layout) {
        KeptRows rows = onThread(() -> {
            try (CalibrationWalk walk = new CalibrationWalk(runtime, queue, uploads, options, checkpoint)) {
                return walk.rowsOf(layout);
            }
        });
        kept.put(checkpoint, rows);
        return () -> {
            kept.remove(checkpoint, rows);
            rows.close();
        };
    }

    private <T> T onThread(Supplier<T> work) {
        try {
            return CompletableFuture.supplyAsync(work, thread).join();
        } catch (CompletionException e) {
            switch (e.getCause()) {
                case RuntimeException cause -> throw cause;
                case Error cause -> throw cause;
                default -> throw e;
            }
        }
    }

    /**
     * What keys and values of a block reach.
     *
     * @param type of the weights
     * @param weights on the device; norm and projections at the block's entrance among them
     * @param sources checkpoints that {@link #walk} has been through
     */
    KvRanges ranges(
            ModelConfig config, WeightType type, List<BoundWeight> weights, Recipe recipe, LayerSource sources) {
        return onThread(() -> measured(config, type, weights, recipe, sources));
    }

    private KvRanges measured(
            ModelConfig config, WeightType type, List<BoundWeight> weights, Recipe recipe, LayerSource sources) {
        KvRanges ranges = new KvRanges(config);
        try (Binding binding = session(config, type).bind()) {
            weights.stream().filter(Calibration::atEntrance).forEach(weight -> weight.bind(binding));
            for (LayerRef layer : recipe.layers()) {
                add(ranges, config, rows(sources.checkpoint(layer.checkpoint()), layer.layer()), binding);
            }
        }
        return ranges;
    }

    private Session session(ModelConfig config, WeightType type) {
        return sessions.computeIfAbsent(
                PackedSessions.Shape.of(config, type),
                shape -> Queued.session(
                        runtime, queue, new PackedGraphs(config, type, options, false).entrance(), false));
    }

    private static boolean atEntrance(BoundWeight weight) {
        return weight.name().equals(Role.INPUT_NORM.input()) || weight.name().startsWith(Role.QKV.product() + "_");
    }

    private MemorySegment rows(Checkpoint checkpoint, int layer) {
        KeptRows rows = kept.get(checkpoint);
        if (rows == null) {
            throw new IllegalStateException("no row of " + checkpoint.directory() + " is kept for calibration");
        }
        return rows.at(layer);
    }

    private void add(KvRanges ranges, ModelConfig config, MemorySegment rows, Binding binding) {
        long count =
                rows.byteSize() / ((long) config.hiddenSize() * options.type().bytes());
        long bytes = count * config.qkvWidth() * Float.BYTES;
        try (DeviceMemory in = queue.allocate(rows.byteSize());
                DeviceMemory out = queue.allocate(bytes);
                HostMemory host = queue.allocateHost(bytes)) {
            queue.fill(rows, in.all());
            binding.input("hidden", options.type(), in.all(), count, config.hiddenSize())
                    .output("qkv_wide", ElementType.FLOAT, out.all(), count, config.qkvWidth());
            Queued.run(queue, binding);
            queue.download(out.all(), host.segment());
            queue.await();
            ranges.add(host.segment());
        }
    }

    @Override
    public void close() {
        thread.close();
        kept.values().forEach(KeptRows::close);
        kept.clear();
        sessions.values().forEach(session -> Queued.close(queue, session));
        sessions.clear();
        queue.close();
    }
}
