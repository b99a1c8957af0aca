package dev.slayer.server.engine.packed;

import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.Graph;
import java.util.List;
import java.util.Map;

/** The graph that puts weights together entry by entry, in the order and with the rounding of the host's recipes. N is their number. */
final class RecipeGraph {
    private RecipeGraph() {}

    /**
     * in0, in1... [N] to out [N]: their sum, each times its factor0, factor1... [1], divided by divisor [1], in float32; then rounded.
     *
     * @param type of inputs and output
     * @param rounded the type that the numbers are rounded to
     */
    static Graph of(int inputs, ElementType type, ElementType rounded) {
        Graph.Builder graph = new Graph.Builder();
        String sum = null;
        for (int i = 0; i < inputs; i++) {
            String in = graph.input("in" + i, type, Graph.FREE);
            String factor = graph.input("factor" + i, ElementType.FLOAT, 1);
            graph.node("Mul", "", "part" + i, List.of(cast(graph, in, type, ElementType.FLOAT), factor), Map.of());
            sum = i == 0 ? "part0" : graph.node("Add", "", "sum" + i, List.of(sum, "part" + i), Map.of());
        }
        String divisor = graph.input("divisor", ElementType.FLOAT, 1);
        graph.node("Div", "", "exact", List.of(sum, divisor), Map.of());
        String narrow = cast(graph, "exact", ElementType.FLOAT, rounded);
        graph.node("Identity", "", "out", List.of(cast(graph, narrow, rounded, type)), Map.of());
        return graph.output("out", type, Graph.FREE).build();
    }

    private static String cast(Graph.Builder graph, String x, ElementType from, ElementType to) {
        return from == to ? x : graph.node("Cast", "", x + "_as_" + to, List.of(x), Map.of("to", (long) to.code()));
    }
}
