package dev.slayer.server.engine.block;

import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.Graph;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;

/** The graph that reduces logits to scores, for any device. */
public final class ScoreGraph {
    private ScoreGraph() {}

    /**
     * What the head's logits [T, vocabulary] say of the tokens that came next, targets [T, 1], without weights: their
     * log-probabilities [T, 1], how many tokens are more probable [T, 1], and as many of the most probable tokens as top [1] says
     * with theirs [T, top]. All come from one log-softmax, so a target among the most probable has the identical float there.
     */
    public static Graph of(ModelConfig config) {
        Graph.Builder graph = new Graph.Builder();
        String logits = graph.input("logits", ElementType.FLOAT, Graph.FREE, config.vocabularySize());
        String targets = graph.input("targets", ElementType.INT64, Graph.FREE, 1);
        String top = graph.input("top", ElementType.INT64, 1);
        String lastAxis =
                graph.weight("last_axis", ElementType.INT64, axis -> axis.set(ValueLayout.JAVA_LONG, 0, 1), 1);
        graph.node("LogSoftmax", "", "all", List.of(logits), Map.of("axis", -1L));
        graph.node("GatherElements", "", "logprobs", List.of("all", targets), Map.of("axis", 1L));
        graph.nodeOf("TopK", "", List.of("top_logprobs", "top_tokens"), List.of("all", top), Map.of("axis", 1L));
        graph.node("Greater", "", "greater", List.of("all", "logprobs"), Map.of());
        graph.node("Cast", "", "ones", List.of("greater"), Map.of("to", (long) ElementType.INT32.code()));
        graph.node("ReduceSum", "", "above", List.of("ones", lastAxis), Map.of("keepdims", 1L));
        return graph.output("logprobs", ElementType.FLOAT, Graph.FREE, 1)
                .output("above", ElementType.INT32, Graph.FREE, 1)
                .output("top_logprobs", ElementType.FLOAT, Graph.FREE, Graph.FREE)
                .output("top_tokens", ElementType.INT64, Graph.FREE, Graph.FREE)
                .build();
    }
}
