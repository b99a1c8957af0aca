package dev.slayer.server.engine.packed;

import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.Graph;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;

/** The graph that draws tokens where the logits are. R is the number of rows. */
final class DrawGraph {
    private DrawGraph() {}

    /**
     * logits [R, vocabulary] to tokens [R, 1]: where greedy [R, 1] the first of the most probable; elsewhere, of the softmax of the
     * logits over temperature [R, 1], the first token up to which the probabilities add up to more than uniform [R, 1] of them all.
     */
    static Graph of(ModelConfig config) {
        Graph.Builder graph = new Graph.Builder();
        String logits = graph.input("logits", ElementType.FLOAT, Graph.FREE, config.vocabularySize());
        String temperature = graph.input("temperature", ElementType.FLOAT, Graph.FREE, 1);
        String uniform = graph.input("uniform", ElementType.FLOAT, Graph.FREE, 1);
        String greedy = graph.input("greedy", ElementType.BOOL, Graph.FREE, 1);
        String axis = integers(graph, "axis", 1);
        String last = integers(graph, "last", config.vocabularySize() - 1);
        graph.node("ArgMax", "", "best", List.of(logits), Map.of("axis", 1L, "keepdims", 1L));
        graph.node("Div", "", "scaled", List.of(logits, temperature), Map.of());
        graph.node("Softmax", "", "probabilities", List.of("scaled"), Map.of("axis", 1L));
        graph.node("CumSum", "", "sums", List.of("probabilities", axis), Map.of());
        graph.node("Gather", "", "all", List.of("sums", last), Map.of("axis", 1L));
        graph.node("Mul", "", "wanted", List.of("all", uniform), Map.of());
        graph.node("LessOrEqual", "", "before", List.of("sums", "wanted"), Map.of());
        graph.node("Cast", "", "ones", List.of("before"), Map.of("to", (long) ElementType.INT32.code()));
        graph.node("ReduceSum", "", "count", List.of("ones", axis), Map.of("keepdims", 1L));
        graph.node("Cast", "", "index", List.of("count"), Map.of("to", (long) ElementType.INT64.code()));
        graph.node(
                "Min",
                "",
                "drawn",
                List.of("index", last),
                Map.of()); // a row without numbers would point behind the last
        graph.node("Where", "", "tokens", List.of(greedy, "best", "drawn"), Map.of());
        return graph.output("tokens", ElementType.INT64, Graph.FREE, 1).build();
    }

    private static String integers(Graph.Builder graph, String name, long value) {
        return graph.weight(
                name, ElementType.INT64, memory -> memory.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, value), 1);
    }
}
