package dev.slayer.server.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.surgery.layout.Layout;
import java.util.ArrayList;
import java.util.List;

/** What a runner of any device makes of tokens, without an engine around it. */
public final class Logits {
    private Logits() {}

    /** Logits of every position, computed in chunks of so many rows: [tokens, vocabulary]. */
    public static float[][] of(Runner runner, Layout layout, int[] ids, int rows) {
        float[][] logits = new float[ids.length][];
        try (Stack stack = runner.prepare(layout).join();
                Kv kv = runner.openKv(layout)) {
            for (int from = 0; from < ids.length; from += rows) {
                int count = Math.min(rows, ids.length - from);
                assertThat(kv.reserve(from + count, from)).isTrue();
                Chunk chunk = new Chunk(ids, from, count, Outputs.logitsFrom(0), stack, kv);
                runner.run(List.of(chunk), (LogitsSink) (index, position, row) -> logits[position] = row.clone());
            }
        }
        return logits;
    }

    /** Logits of several sequences, each through its own layout, in one step: [sequences][tokens, vocabulary]. */
    public static float[][][] together(Runner runner, List<Layout> layouts, List<int[]> prompts) {
        float[][][] logits = new float[prompts.size()][][];
        List<Chunk> chunks = new ArrayList<>();
        for (int i = 0; i < prompts.size(); i++) {
            int[] ids = prompts.get(i);
            logits[i] = new float[ids.length][];
            Kv kv = runner.openKv(layouts.get(i));
            assertThat(kv.reserve(ids.length, 0)).isTrue();
            Stack stack = runner.prepare(layouts.get(i)).join();
            chunks.add(new Chunk(ids, 0, ids.length, Outputs.logitsFrom(0), stack, kv));
        }
        runner.run(chunks, (LogitsSink) (chunk, position, row) -> logits[chunk][position] = row.clone());
        chunks.forEach(chunk -> {
            chunk.kv().close();
            chunk.stack().close();
        });
        return logits;
    }

    /** The same, one row of each sequence a step, as they decode; prompts are of one length: [sequences][tokens, vocabulary]. */
    public static float[][][] decoded(Runner runner, List<Layout> layouts, List<int[]> prompts) {
        int length = prompts.getFirst().length;
        float[][][] logits = new float[prompts.size()][length][];
        List<Stack> stacks =
                layouts.stream().map(layout -> runner.prepare(layout).join()).toList();
        List<Kv> kvs = layouts.stream().map(runner::openKv).toList();
        for (int row = 0; row < length; row++) {
            List<Chunk> chunks = new ArrayList<>();
            for (int i = 0; i < prompts.size(); i++) {
                assertThat(kvs.get(i).reserve(row + 1, row)).isTrue();
                chunks.add(new Chunk(prompts.get(i), row, 1, Outputs.logitsFrom(0), stacks.get(i), kvs.get(i)));
            }
            runner.run(chunks, (LogitsSink) (chunk, position, of) -> logits[chunk][position] = of.clone());
        }
        kvs.forEach(Kv::close);
        stacks.forEach(Stack::close);
        return logits;
    }

    /** Log-probability of a token, from the logits of the position before it: [vocabulary]. */
    public static double logprob(float[] logits, int token) {
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
}
