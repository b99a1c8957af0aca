package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.Placement;
import dev.slayer.server.engine.block.ScoreGraph;
import dev.slayer.server.engine.block.WeightType;
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
            OnnxRuntime runtime, Placement placement, ModelConfig config, WeightType weights, PackedOptions options) {
        PackedGraphs graphs = PackedGraphs.of(runtime, config, weights, options);
        try {
            this.block = own(runtime.session(graphs.block(false), placement, false));
            this.gated = own(runtime.session(graphs.block(true), placement, false));
            this.recorded =
                    options.recordAfter() > 0 ? own(runtime.session(graphs.block(false), placement, true)) : block;
            this.head = own(runtime.session(graphs.head(), placement, false));
            this.embed = own(runtime.session(graphs.embed(), placement, false));
            this.norm = own(runtime.session(graphs.finalNorm(), placement, false));
            this.draw = own(runtime.session(DrawGraph.of(config), placement, false));
            this.greedy = own(runtime.session(DrawGraph.greedy(config), placement, false));
            this.scores = own(runtime.session(ScoreGraph.of(config), placement, false));
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

    private Session own(Session session) {
        opened.push(session);
        return session;
    }

    @Override
    public void close() {
        while (!opened.isEmpty()) {
            opened.pop().close();
        }
    }
}
