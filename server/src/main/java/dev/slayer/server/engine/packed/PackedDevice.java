package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.Accelerator;
import dev.slayer.server.accelerator.runtime.OperatorSupport;
import dev.slayer.server.engine.Donor;
import dev.slayer.server.engine.KvMemory;
import dev.slayer.server.engine.Runner;
import dev.slayer.server.engine.block.BlockStore;
import dev.slayer.server.engine.block.DerivedBlocks;
import dev.slayer.server.engine.block.Device;
import dev.slayer.server.engine.block.LoadedCheckpoint;
import dev.slayer.server.engine.block.WeightType;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.Graph;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Layout;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** A device with memory of its own: an accelerator, and ONNX Runtime on it. */
public final class PackedDevice implements Device {
    /** Of what the prefix cache copies: a power of two that a few tokens of a large model fill. */
    private static final int PREFIX_CHUNK_BYTES = 256 << 10;

    /** Every version takes these, and the fastest kernels want them. */
    private static final int PAGE_ROWS = 256;

    /** So that the head's matrix is read once for all sequences of a usual step. */
    private static final int HEAD_ROWS = 256;

    /** A sweep's derived blocks run a few times only and are not worth a recording; those of the base are soon worth it. */
    private static final int RECORD_AFTER = 16;

    /**
     * Rows of quantized keys and values that one run of attention widens at most, where more sequences than one take part: two prompts of
     * 8,192 tokens, or eight of 2,048, and 64 MiB on Llama-3-8B. Fewer would have a block's weights read more often in a step.
     */
    public static final int STAGED_ROWS = 1 << 14;

    private final OnnxRuntime runtime;
    private final Accelerator accelerator;
    private final PackedOptions options;
    private final QueuedRecipes recipes;
    private final Optional<Calibration> calibration;
    private final BlockStore store;
    private final Map<PackedSessions.Shape, PackedSessions> sessions = new HashMap<>();

    /**
     * Takes over the runtime and the accelerator.
     *
     * @param limits of the blocks made from recipes
     */
    public PackedDevice(OnnxRuntime runtime, Accelerator accelerator, PackedOptions options, DerivedBlocks limits) {
        this.runtime = runtime;
        this.accelerator = accelerator;
        this.options = options;
        Uploads uploads = new Uploads(accelerator);
        this.recipes = new QueuedRecipes(runtime, accelerator.another(), uploads, options.type(), QueuedRecipes.PIECE);
        this.calibration = options.calibratesKv()
                ? Optional.of(new Calibration(runtime, accelerator.another(), uploads, options))
                : Optional.empty();
        this.store = new BlockStore(
                new PackedCompiler(accelerator, uploads, options, this::sessions, recipes, calibration), limits);
    }

    /**
     * A GPU. Takes over the accelerator, except where it throws.
     *
     * @param library of ONNX Runtime
     * @param threads of what it does on the host
     * @param operators what the library can do
     * @param weights whose activations are float16 where they are, otherwise bfloat16
     * @param kv how keys and values are kept; the operators must offer it
     * @param limits of the blocks made from recipes
     */
    public static PackedDevice cuda(
            Path library,
            int threads,
            Accelerator accelerator,
            OperatorSupport operators,
            WeightType weights,
            KvPrecision kv,
            DerivedBlocks limits) {
        ElementType type = activations(weights);
        PackedOptions options = new PackedOptions(
                type,
                kv.of(type),
                Graph.MICROSOFT,
                PAGE_ROWS,
                operators.metadataElements(),
                operators.maxSequences(),
                STAGED_ROWS,
                HEAD_ROWS,
                operators.maxKvNumbers(),
                operators.capturableDecode() ? RECORD_AFTER : 0);
        return new PackedDevice(OnnxRuntime.open(library, threads), accelerator, options, limits);
    }

    private static ElementType activations(WeightType weights) {
        return weights == WeightType.FP16 ? ElementType.FLOAT16 : ElementType.BFLOAT16;
    }

    /** Bytes of KV that a library reaches on a GPU, keys and values together. */
    public static long mostKvBytes(OperatorSupport operators, WeightType weights, KvPrecision kv) {
        int bytes = kv.of(activations(weights)).bytes();
        return operators.maxKvNumbers() > Long.MAX_VALUE / 2 / bytes
                ? Long.MAX_VALUE
                : operators.maxKvNumbers() * 2 * bytes;
    }

    @Override
    public String runtimeVersion() {
        return runtime.version();
    }

    private synchronized PackedSessions sessions(ModelConfig config, WeightType type) {
        return sessions.computeIfAbsent(
                PackedSessions.Shape.of(config, type),
                shape -> new PackedSessions(runtime, accelerator, config, type, options));
    }

    @Override
    public KvMemory kvMemory(long bytes) {
        long numbers = bytes / 2 / options.kvType().bytes();
        if (numbers > options.maxKvNumbers()) {
            throw new IllegalArgumentException("KV of " + bytes + " bytes has " + numbers
                    + " numbers of keys; allowed: " + options.maxKvNumbers());
        }
        PagePool pool = new PagePool(accelerator, bytes, PREFIX_CHUNK_BYTES);
        try {
            pool.clear();
            return pool;
        } catch (RuntimeException | Error e) {
            pool.close();
            throw e;
        }
    }

    @Override
    public Runner runner(String name, Checkpoint checkpoint, WeightType type, KvMemory memory, int maxRows) {
        checkpoint.verifyUnchanged();
        Calibration.Hold rows =
                calibrated(checkpoint, Layout.identity(checkpoint.config().layers()));
        try {
            return new PackedRunner(
                    sessions(checkpoint.config(), type),
                    store,
                    options,
                    name,
                    checkpoint,
                    type,
                    (PagePool) memory,
                    maxRows,
                    rows);
        } catch (RuntimeException | Error e) {
            rows.close();
            throw e;
        }
    }

    private Calibration.Hold calibrated(Checkpoint checkpoint, Layout layout) {
        return calibration.map(found -> found.walk(checkpoint, layout)).orElse(Calibration.Hold.NONE);
    }

    @Override
    public Donor lend(String name, Checkpoint delta, Layout trained, WeightType type) {
        delta.verifyUnchanged();
        Calibration.Hold rows = calibrated(delta, trained);
        try {
            LoadedCheckpoint lent = store.lend(name, delta, trained, type);
            return () -> store.retire(lent).thenRun(rows::close);
        } catch (RuntimeException | Error e) {
            rows.close();
            throw e;
        }
    }

    @Override
    public DerivedBlocks.Use derivedBlocks() {
        return store.use();
    }

    @Override
    public void close() {
        store.close();
        recipes.close();
        calibration.ifPresent(Calibration::close);
        sessions.values().forEach(PackedSessions::close);
        accelerator.close();
        runtime.close();
    }
}
