package dev.slayer.server.engine.block;

import dev.slayer.server.engine.KvPool;
import dev.slayer.server.engine.Logits;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Layout;
import java.util.List;

/** A runner of one checkpoint with memory and a block store of its own. */
final class Rig implements AutoCloseable {
    final KvPool pool = new KvPool(1L << 30);
    final BlockStore store;
    final OnnxRunner runner;

    Rig(OnnxRuntime runtime, Checkpoint checkpoint, WeightType type, int maxRows) {
        this(new BlockStore(new BlockCompiler(runtime), DerivedBlocks.DEFAULTS), runtime, checkpoint, type, maxRows);
    }

    /** Takes over the store. */
    Rig(BlockStore store, OnnxRuntime runtime, Checkpoint checkpoint, WeightType type, int maxRows) {
        this.store = store;
        try {
            this.runner = new OnnxRunner(runtime, store, "base", checkpoint, type, pool, maxRows);
        } catch (RuntimeException | Error e) {
            store.close();
            pool.close();
            throw e;
        }
    }

    Layout identity() {
        return Layout.identity(runner.config().layers());
    }

    /** {@link Logits#of} of this runner. */
    float[][] logits(Layout layout, int[] ids, int rows) {
        return Logits.of(runner, layout, ids, rows);
    }

    /** {@link Logits#together} of this runner. */
    float[][][] together(List<Layout> layouts, List<int[]> prompts) {
        return Logits.together(runner, layouts, prompts);
    }

    @Override
    public void close() {
        runner.close();
        store.close();
        pool.close();
    }
}
