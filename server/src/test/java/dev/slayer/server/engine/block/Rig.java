package dev.slayer.server.engine.block;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.engine.Chunk;
import dev.slayer.server.engine.Kv;
import dev.slayer.server.engine.KvPool;
import dev.slayer.server.engine.LogitsSink;
import dev.slayer.server.engine.Outputs;
import dev.slayer.server.engine.Stack;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Layout;
import java.util.ArrayList;
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

    /** Logits of every position, computed in chunks of so many rows: [tokens, vocabulary]. */
    float[][] logits(Layout layout, int[] ids, int rows) {
        float[][] logits = new float[ids.length][];
        try (Stack stack = runner.prepare(layout).join();
                Kv kv = runner.openKv(layout)) {
            for (int from = 0; from < ids.length; from += rows) {
                int count = Math.min(rows, ids.length - from);
                assertThat(kv.reserve(from + count, from)).isTrue();
                Chunk chunk = new Chunk(ids, ids.length, from, count, Outputs.logitsFrom(0), stack, kv);
                runner.run(List.of(chunk), (LogitsSink) (index, position, row) -> logits[position] = row.clone());
            }
        }
        return logits;
    }

    /** Logits of several sequences, each through its own layout, in one step: [sequences][tokens, vocabulary]. */
    float[][][] together(List<Layout> layouts, List<int[]> prompts) {
        float[][][] logits = new float[prompts.size()][][];
        List<Chunk> chunks = new ArrayList<>();
        for (int i = 0; i < prompts.size(); i++) {
            int[] ids = prompts.get(i);
            logits[i] = new float[ids.length][];
            Kv kv = runner.openKv(layouts.get(i));
            assertThat(kv.reserve(ids.length, 0)).isTrue();
            Stack stack = runner.prepare(layouts.get(i)).join();
            chunks.add(new Chunk(ids, ids.length, 0, ids.length, Outputs.logitsFrom(0), stack, kv));
        }
        runner.run(chunks, (LogitsSink) (chunk, position, row) -> logits[chunk][position] = row.clone());
        chunks.forEach(chunk -> {
            chunk.kv().close();
            chunk.stack().close();
        });
        return logits;
    }

    /** Log-probability of a token. */
    static double logprob(float[] logits, int token) {
        double max = Double.NEGATIVE_INFINITY;
        for (float logit : logits) {
            max = Math.max(max, logit);
        }
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit - max);
        }
        return logits[token] - max - Math.log(sum);
    }

    @Override
    public void close() {
        runner.close();
        store.close();
        pool.close();
    }
}
