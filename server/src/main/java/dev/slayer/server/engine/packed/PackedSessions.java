package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.Accelerator;
import dev.slayer.server.engine.block.ScoreGraph;
import dev.slayer.server.engine.block.WeightType;
import dev.slayer.server.onnx.Graph;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.server.onnx.Session;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.OptionalInt;

/** One session for each graph of a shape; whatever has that shape runs in it. */
final class PackedSessions implements AutoCloseable {
    final Session block;
    final Session gated;
    /** For runs that are recorded and replayed. */
    final Session recorded;

    final Session head;
    final Session embed;
    final Session norm;
    final Session scores;
    final Session draw;
    /** For rows that are all greedy. */
    final Session greedy;

    private final OnnxRuntime runtime;
    private final Accelerator accelerator;
    private final Deque<Session> opened = new ArrayDeque<>();
    private int recordings;

    /** What graphs depend on. */
    record Shape(
            int hidden,
            int intermediate,
            int heads,
            int kvHeads,
            int headDim,
            int vocabulary,
            float epsilon,
            OptionalInt window,
            WeightType weights) {
        static Shape of(ModelConfig config, WeightType weights) {
            return new Shape(
                    config.hiddenSize(),
                    config.intermediateSize(),
                    config.heads(),
                    config.kvHeads(),
                    config.headDim(),
                    config.vocabularySize(),
                    config.rmsNormEps(),
                    config.slidingWindow(),
                    weights);
        }
    }

    /** @throws dev.slayer.surgery.SlayerException if the runtime refuses a graph; nothing is left behind then */
    PackedSessions(
            OnnxRuntime runtime,
            Accelerator accelerator,
            ModelConfig config,
            WeightType weights,
            PackedOptions options) {
        this.runtime = runtime;
        this.accelerator = accelerator;
        PackedGraphs graphs = PackedGraphs.of(runtime, config, weights, options);
        try {
            this.block = session(graphs.block(false), false);
            this.gated = session(graphs.block(true), false);
            this.recorded = options.recordAfter() > 0 ? session(graphs.block(false), true) : block;
            this.head = session(graphs.head(), false);
            this.embed = session(graphs.embed(), false);
            this.norm = session(graphs.finalNorm(), false);
            this.draw = session(DrawGraph.of(config), false);
            this.greedy = session(DrawGraph.greedy(config), false);
            this.scores = session(ScoreGraph.of(config), false);
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** Whether there may be another recording. */
    boolean mayRecord() {
        return recordings < PackedOptions.MOST_RECORDINGS;
    }

    /** Number of the next recording. */
    int nextRecording() {
        return ++recordings;
    }

    private Session session(Graph graph, boolean records) {
        Session session = Queued.session(runtime, accelerator, graph, records);
        opened.push(session);
        return session;
    }

    @Override
    public void close() {
        while (!opened.isEmpty()) {
            Queued.close(accelerator, opened.pop());
        }
    }
}
