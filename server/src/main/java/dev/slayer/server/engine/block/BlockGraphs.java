package dev.slayer.server.engine.block;

import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.Graph;
import dev.slayer.surgery.checkpoint.Float32Source;
import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The graphs of a Llama-family decoder, split at attention: everything else is per token and takes rows of any sequences
 * together. T is the number of rows, S those of one sequence.
 */
final class BlockGraphs {
    private final ModelConfig config;
    private final Matrix matrix;

    BlockGraphs(ModelConfig config, Matrix matrix) {
        this.config = config;
        this.matrix = matrix;
    }

    /** The weights of one decoder layer, of whatever recipe. */
    @FunctionalInterface
    interface LayerWeights {
        Float32Source tensor(LayerTensor tensor);
    }

    /** hidden [T, hidden] to qkv [T, queryWidth + 2 * kvWidth]: norm, then queries, keys and values side by side. */
    Graph pre(LayerWeights layer) {
        Graph.Builder graph = new Graph.Builder();
        String hidden = graph.input("hidden", ElementType.FLOAT, Graph.FREE, config.hiddenSize());
        String gamma = matrix.vector(graph, "gamma", layer.tensor(LayerTensor.INPUT_NORM));
        norm(graph, hidden, gamma, "normed");
        List<Float32Source> qkv = List.of(
                layer.tensor(LayerTensor.QUERY), layer.tensor(LayerTensor.KEY), layer.tensor(LayerTensor.VALUE));
        matrix.multiply(graph, "normed", "qkv", qkv);
        return graph.output("qkv", ElementType.FLOAT, Graph.FREE, config.qkvWidth())
                .build();
    }

    /**
     * attention [T, queryWidth] and residual [T, hidden] to hidden [T, hidden]: output projection, residual, norm, gated MLP,
     * residual. The sum [T, hidden] after the attention comes out too, for whoever binds it.
     */
    Graph post(LayerWeights layer) {
        Graph.Builder graph = new Graph.Builder();
        String attention = graph.input("attention", ElementType.FLOAT, Graph.FREE, config.queryWidth());
        String residual = graph.input("residual", ElementType.FLOAT, Graph.FREE, config.hiddenSize());
        matrix.multiply(graph, attention, "projected", List.of(layer.tensor(LayerTensor.ATTENTION_OUTPUT)));
        String gamma = matrix.vector(graph, "gamma", layer.tensor(LayerTensor.POST_ATTENTION_NORM));
        graph.nodeOf(
                "SkipSimplifiedLayerNormalization",
                Graph.MICROSOFT,
                List.of("normed", "", "", "sum"),
                List.of("projected", residual, gamma),
                Map.of("epsilon", config.rmsNormEps()));
        matrix.multiply(graph, "normed", "gate", List.of(layer.tensor(LayerTensor.GATE)));
        matrix.multiply(graph, "normed", "up", List.of(layer.tensor(LayerTensor.UP)));
        graph.node("Sigmoid", "", "sigmoid", List.of("gate"), Map.of());
        graph.node("Mul", "", "silu", List.of("gate", "sigmoid"), Map.of());
        graph.node("Mul", "", "gated", List.of("silu", "up"), Map.of());
        matrix.multiply(graph, "gated", "down", List.of(layer.tensor(LayerTensor.DOWN)));
        graph.node("Add", "", "hidden", List.of("down", "sum"), Map.of());
        return graph.output("hidden", ElementType.FLOAT, Graph.FREE, config.hiddenSize())
                .output("sum", ElementType.FLOAT, Graph.FREE, config.hiddenSize())
                .build();
    }

    /**
     * hidden [T, hidden] to logits [T, vocabulary]: final norm and head.
     *
     * @param finalNorm [hidden]
     * @param head [vocabulary, hidden]
     */
    Graph head(Float32Source finalNorm, Float32Source head) {
        Graph.Builder graph = normed(finalNorm);
        matrix.multiply(graph, "normed", "logits", List.of(head));
        return graph.output("logits", ElementType.FLOAT, Graph.FREE, config.vocabularySize())
                .build();
    }

    /**
     * hidden [T, hidden] to normed [T, hidden]: the final norm alone, as the head begins with it.
     *
     * @param finalNorm [hidden]
     */
    Graph finalNorm(Float32Source finalNorm) {
        return normed(finalNorm)
                .output("normed", ElementType.FLOAT, Graph.FREE, config.hiddenSize())
                .build();
    }

    private Graph.Builder normed(Float32Source finalNorm) {
        Graph.Builder graph = new Graph.Builder();
        String hidden = graph.input("hidden", ElementType.FLOAT, Graph.FREE, config.hiddenSize());
        norm(graph, hidden, matrix.vector(graph, "gamma", finalNorm), "normed");
        return graph;
    }

    /**
     * Attention of one sequence, without weights, so one session serves every slot: qkv [1, S, queryWidth + 2 * kvWidth] is
     * rotated and appended to keys and values [1, kvHeads, capacity, headDim], which are read and written in place; attention
     * [1, S, queryWidth] comes out.
     */
    static Graph attention(ModelConfig config) {
        Graph.Builder graph = new Graph.Builder();
        long free = Graph.FREE;
        String qkv = graph.input("qkv", ElementType.FLOAT, 1, free, config.qkvWidth());
        String pastKeys = graph.input("past_keys", ElementType.FLOAT, 1, config.kvHeads(), free, config.headDim());
        String pastValues = graph.input("past_values", ElementType.FLOAT, 1, config.kvHeads(), free, config.headDim());
        String last = graph.input("last_position", ElementType.INT32, 1);
        String total = graph.input("total", ElementType.INT32);
        String cos = graph.input("cos", ElementType.FLOAT, free, config.headDim() / 2);
        String sin = graph.input("sin", ElementType.FLOAT, free, config.headDim() / 2);
        Map<String, Object> attributes = new HashMap<>();
        attributes.put("num_heads", (long) config.heads());
        attributes.put("kv_num_heads", (long) config.kvHeads());
        attributes.put("do_rotary", 1L);
        config.slidingWindow().ifPresent(window -> attributes.put("local_window_size", (long) window));
        graph.nodeOf(
                "GroupQueryAttention",
                Graph.MICROSOFT,
                List.of("attention", "keys", "values"),
                List.of(qkv, "", "", pastKeys, pastValues, last, total, cos, sin),
                attributes);
        return graph.output("attention", ElementType.FLOAT, 1, free, config.queryWidth())
                .output("keys", ElementType.FLOAT, 1, config.kvHeads(), free, config.headDim())
                .output("values", ElementType.FLOAT, 1, config.kvHeads(), free, config.headDim())
                .build();
    }

    private void norm(Graph.Builder graph, String x, String gamma, String y) {
        graph.node(
                "SimplifiedLayerNormalization",
                "",
                y,
                List.of(x, gamma),
                Map.of("axis", -1L, "epsilon", config.rmsNormEps(), "stash_type", 1L));
    }
}
