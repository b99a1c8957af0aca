package dev.slayer.server.engine.packed;

import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.Graph;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;

/**
 * The graph that draws tokens where the logits are. R is the number of rows.
 *
 * <p>A running sum over a whole vocabulary is slow on a GPU, since ONNX Runtime's kernel adds up anew for every entry. So the
 * vocabulary is cut into spans: first a span is drawn by the sums of all spans, then a token in it.
 */
final class DrawGraph {
    private static final int SPAN = 256;

    private final Graph.Builder graph = new Graph.Builder();
    private final ModelConfig config;

    private DrawGraph(ModelConfig config) {
        this.config = config;
    }

    /**
     * logits [R, vocabulary] to tokens [R, 1]: where greedy [R, 1] the first of the most probable; elsewhere, of the softmax of the
     * logits over temperature [R, 1], the first token up to which the probabilities add up to more than uniform [R, 1] of them all. A
     * token of no probability is never drawn.
     */
    static Graph of(ModelConfig config) {
        return new DrawGraph(config).build();
    }

    /** logits [R, vocabulary] to tokens [R, 1]: the first of the most probable. One kernel where the other graph has thirty. */
    static Graph greedy(ModelConfig config) {
        Graph.Builder graph = new Graph.Builder();
        String logits = graph.input("logits", ElementType.FLOAT, Graph.FREE, config.vocabularySize());
        best(graph, logits, "tokens");
        return graph.output("tokens", ElementType.INT64, Graph.FREE, 1).build();
    }

    private static void best(Graph.Builder graph, String logits, String token) {
        graph.node("ArgMax", "", token, List.of(logits), Map.of("axis", 1L, "keepdims", 1L));
    }

    private Graph build() {
        String logits = graph.input("logits", ElementType.FLOAT, Graph.FREE, config.vocabularySize());
        String temperature = graph.input("temperature", ElementType.FLOAT, Graph.FREE, 1);
        String uniform = graph.input("uniform", ElementType.FLOAT, Graph.FREE, 1);
        String greedy = graph.input("greedy", ElementType.BOOL, Graph.FREE, 1);
        integers("one", 1);
        integers("two", 2);
        node("Div", "scaled", List.of(logits, temperature));
        graph.node("Softmax", "", "probabilities", List.of("scaled"), Map.of("axis", 1L));
        spans();
        node("CumSum", "span_sums", List.of("masses", "one"));
        last("all", "span_sums", spanCount());
        node("Mul", "wanted", List.of("all", uniform));
        first("span", "span_sums", "all", "wanted");
        graph.node("GatherElements", "", "mass", List.of("masses", "span"), Map.of("axis", 1L));
        graph.node("GatherElements", "", "up_to", List.of("span_sums", "span"), Map.of("axis", 1L));
        node("Sub", "before", List.of("up_to", "mass"));
        graph.node("GatherND", "", "inside", List.of("cut", "span"), Map.of("batch_dims", 1L));
        node("CumSum", "inside_sums", List.of("inside", "one"));
        last("inside_all", "inside_sums", SPAN);
        node("Sub", "wanted_inside", List.of("wanted", "before"));
        first("place", "inside_sums", "inside_all", "wanted_inside");
        integers("span_length", SPAN);
        node("Mul", "span_begins", List.of("span", "span_length"));
        node("Add", "drawn", List.of("span_begins", "place"));
        best(graph, logits, "best");
        node("Where", "tokens", List.of(greedy, "best", "drawn"));
        return graph.output("tokens", ElementType.INT64, Graph.FREE, 1).build();
    }

    private int spanCount() {
        return (config.vocabularySize() + SPAN - 1) / SPAN;
    }

    /** The last [R, 1] of running sums [R, count]: all of it. */
    private void last(String name, String sums, int count) {
        integers(name + "_at", count - 1);
        graph.node("Gather", "", name, List.of(sums, name + "_at"), Map.of("axis", 1L));
    }

    /** The probabilities cut into spans [R, spans, SPAN], the last filled up with zeros, and the mass of each [R, spans]. */
    private void spans() {
        int spans = spanCount();
        int missing = spans * SPAN - config.vocabularySize();
        String whole = "probabilities";
        if (missing > 0) {
            integers("padding", 0, 0, 0, missing);
            whole = node("Pad", "padded", List.of(whole, "padding"));
        }
        integers("spans_shape", -1, spans, SPAN);
        node("Reshape", "cut", List.of(whole, "spans_shape"));
        graph.node("ReduceSum", "", "masses", List.of("cut", "two"), Map.of("keepdims", 0L));
    }

    /**
     * The first place [R, 1] whose sum is over what is wanted; where rounding leaves none, the last that adds anything.
     *
     * @param sums [R, n], ascending
     * @param all the greatest of them: [R, 1]
     */
    private void first(String name, String sums, String all, String wanted) {
        count(name + "_not_over", node("LessOrEqual", name + "_low", List.of(sums, wanted)));
        count(name + "_not_all", node("Less", name + "_less", List.of(sums, all)));
        node("Min", name, List.of(name + "_not_over", name + "_not_all"));
    }

    private void count(String name, String flags) {
        graph.node("Cast", "", name + "_ones", List.of(flags), Map.of("to", (long) ElementType.INT32.code()));
        graph.node("ReduceSum", "", name + "_count", List.of(name + "_ones", "one"), Map.of("keepdims", 1L));
        graph.node("Cast", "", name, List.of(name + "_count"), Map.of("to", (long) ElementType.INT64.code()));
    }

    private String node(String operator, String output, List<String> inputs) {
        return graph.node(operator, "", output, inputs, Map.of());
    }

    private void integers(String name, long... values) {
        String _ = graph.weight(
                name,
                ElementType.INT64,
                memory -> {
                    for (int i = 0; i < values.length; i++) {
                        memory.setAtIndex(ValueLayout.JAVA_LONG_UNALIGNED, i, values[i]);
                    }
                },
                values.length);
    }
}
