package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.Accelerator;
import dev.slayer.server.accelerator.HostMemory;
import dev.slayer.server.engine.Chunk;
import dev.slayer.server.engine.Outputs;
import dev.slayer.server.engine.Stack;
import dev.slayer.server.engine.block.BlockStack;
import dev.slayer.server.engine.block.Part;
import dev.slayer.server.engine.block.Turn;
import dev.slayer.server.engine.block.WeightType;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.Float32Source;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.TensorNames;
import dev.slayer.surgery.layout.LayerRef;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Recipe;
import dev.slayer.surgery.layout.Slot;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * One walk of tokens through all layers of a checkpoint, each of which is on the device for its turn only. Weights, keys and values are in
 * the type of activations. One thread.
 */
final class CalibrationWalk implements AutoCloseable {
    /** So many that channels come near to what they reach at all, in a run that costs little. */
    private static final int SEQUENCES = 4;

    private static final int MOST_TOKENS = 128; // of each
    private static final int SEED = 1;
    private static final int PREFIX_CHUNK_BYTES = 1 << 16; // of a cache that nobody uses

    private final Checkpoint checkpoint;
    private final ModelConfig config;
    private final PackedOptions options;
    private final Accelerator queue;
    private final WeightType type;
    private final int length;
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();
    private final PackedCompiler compiler;
    private final PackedWalk walk;
    private final List<Chunk> chunks = new ArrayList<>();
    private final HostMemory rows;

    /** @param calibrated how the blocks will run whose scales are wanted */
    CalibrationWalk(
            OnnxRuntime runtime, Accelerator queue, Uploads uploads, PackedOptions calibrated, Checkpoint checkpoint) {
        this.checkpoint = checkpoint;
        this.config = checkpoint.config();
        this.options = calibrated.unquantized();
        this.queue = queue;
        this.type = plain(options.type());
        this.length = Math.min(MOST_TOKENS, config.contextLength());
        try {
            PackedSessions sessions = own(new PackedSessions(runtime, queue, config, type, options));
            this.compiler = new PackedCompiler(
                    queue,
                    uploads,
                    options,
                    (shape, weights) -> sessions,
                    (recipe, role, sources, uploaded) -> Optional.empty(),
                    Optional.empty());
            PagePool pool = own(pool());
            this.walk = own(new PackedWalk(config, options, pool, SEQUENCES * length));
            this.rows = own(queue.allocateHost((long) SEQUENCES * length * rowBytes()));
            enter(pool);
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    private static WeightType plain(ElementType type) {
        return switch (Narrow.dtype(type)) {
            case F32 -> WeightType.FP32;
            case F16 -> WeightType.FP16;
            case BF16 -> WeightType.BF16;
        };
    }

    private PagePool pool() {
        PageShape shape = PageShape.of(config, options);
        long pages = (long) SEQUENCES * shape.pages(length) + 2; // a spare one, and one that rounding may cost
        return new PagePool(queue, 2 * pages * shape.bytes(), PREFIX_CHUNK_BYTES);
    }

    private long rowBytes() {
        return (long) config.hiddenSize() * options.type().bytes();
    }

    /** Takes sequences in, each with room for the KV of one layer, and their embeddings. */
    private void enter(PagePool pool) {
        Stack stack = Stack.of(Layout.identity(config.layers()));
        for (int i = 0; i < SEQUENCES; i++) {
            PackedKv kv = own(new PackedKv(pool, PageShape.of(config, options), 1));
            if (!kv.reserve(length, 0)) {
                throw new IllegalStateException("calibration's own pages are too few");
            }
            chunks.add(new Chunk(tokens(config, i, length), 0, length, Outputs.NONE, stack, kv));
        }
        embed();
    }

    /**
     * Tokens of a sequence: drawn evenly from the vocabulary. Every other sequence starts as texts do, where the model has a token for
     * that: it draws the attention of many heads, with keys like no other token's.
     */
    static int[] tokens(ModelConfig config, int sequence, int length) {
        int[] tokens = new SplittableRandom(SEED + sequence)
                .ints(length, 0, config.vocabularySize())
                .toArray();
        int bos = config.bosTokenId().orElse(-1);
        if (sequence % 2 == 0 && bos >= 0 && bos < config.vocabularySize()) {
            tokens[0] = bos;
        }
        return tokens;
    }

    private void embed() {
        Float32Source embedding = checkpoint.source(TensorNames.EMBEDDING);
        try (Arena arena = Arena.ofShared()) {
            long width = (long) config.hiddenSize() * Float.BYTES;
            MemorySegment wide = arena.allocate((long) SEQUENCES * length * width, 64);
            long at = 0;
            for (Chunk chunk : chunks) {
                for (int token : chunk.tokens()) {
                    embedding.toFloat32((long) token * config.hiddenSize(), wide.asSlice(at, width));
                    at += width;
                }
            }
            MemorySegment narrow = Narrow.floats(wide, options.type(), arena);
            queue.fill(narrow, walk.rows().slice(0, narrow.byteSize()));
        }
    }

    /** Walks, and keeps the rows before each layer. */
    KeptRows rowsOf(Layout layout) {
        KeptRows kept = new KeptRows(layout.depth(), rows.segment().byteSize());
        try {
            for (int layer = 0; layer < layout.depth(); layer++) {
                keep(kept.at(layer));
                pass(layer, layout.slots().get(layer));
            }
            return kept;
        } catch (RuntimeException | Error e) {
            kept.close();
            throw e;
        }
    }

    private void keep(MemorySegment target) {
        queue.download(walk.rows().slice(0, rows.segment().byteSize()), rows.segment());
        queue.await();
        target.copyFrom(rows.segment());
    }

    /** The layer's own weights, whatever recipe they began as. */
    private void pass(int layer, Slot slot) {
        if (slot.gates().silent()) {
            return;
        }
        Recipe own = new Recipe.Plain(LayerRef.of(layer));
        try (Part block = compiler.block(config, type, own, name -> checkpoint, Runnable::run)) {
            BlockStack.Stage stage = new BlockStack.Stage(
                    block,
                    layer,
                    slot.gates().attention() ? 0 : -1,
                    slot.gates().attentionScale(),
                    slot.gates().mlpScale());
            List<Turn.Member> members = new ArrayList<>();
            for (int i = 0; i < SEQUENCES; i++) {
                members.add(new Turn.Member(chunks.get(i), i * length, stage));
            }
            walk.run(List.of(new Turn(block, SEQUENCES * length, members)), SEQUENCES * length);
            queue.await(); // before the weights go
        }
    }

    private <T extends AutoCloseable> T own(T part) {
        opened.push(part);
        return part;
    }

    @Override
    public void close() {
        Closing.all(opened);
    }
}
