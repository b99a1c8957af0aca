package dev.slayer.server.engine.packed;

import dev.slayer.server.engine.block.Quantizer;
import dev.slayer.server.engine.block.WeightType;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.Graph;
import dev.slayer.server.onnx.OnnxException;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The graphs of a Llama-family decoder with weights as inputs, so that one session serves every block of a shape. T is the number of
 * rows, B that of sequences, P that of KV pages.
 */
final class PackedGraphs {
    /** Inputs of a block, [kvHeads, 1, headDim]: what a quantized key or value of 1 stands for, in each channel. */
    static final String KEY_SCALE = "key_scale";

    static final String VALUE_SCALE = "value_scale";

    private static final String KV_BITS = "kv_cache_bit_width";

    private final ModelConfig config;
    private final WeightType weights;
    private final PackedOptions options;
    private final boolean tellsKvBits;

    /** @param tellsKvBits whether PagedAttention is told how many bits a quantized number has: some versions ask for it, some refuse it */
    PackedGraphs(ModelConfig config, WeightType weights, PackedOptions options, boolean tellsKvBits) {
        this.tellsKvBits = tellsKvBits;
        this.config = config;
        this.weights = weights;
        this.options = options;
    }

    /**
     * The graphs as a library takes them, which is asked where versions differ.
     *
     * @throws dev.slayer.surgery.SlayerException never for the host's lack of kernels
     */
    static PackedGraphs of(OnnxRuntime runtime, ModelConfig config, WeightType weights, PackedOptions options) {
        PackedGraphs telling = new PackedGraphs(config, weights, options, true);
        if (!options.quantizesKv()) {
            return telling;
        }
        try {
            runtime.session(telling.block(false)).close();
            return telling;
        } catch (OnnxException e) {
            // What it says of the host's kernels does not matter; an attribute that it does not know does.
            boolean unknown = e.getMessage().contains("Unrecognized attribute: " + KV_BITS);
            return unknown ? new PackedGraphs(config, weights, options, false) : telling;
        }
    }

    /**
     * A decoder block: hidden [T, hidden] to next [T, hidden], over packed rows: sequence i owns rows cumulative[i] to cumulative[i +
     * 1] - 1, on top of past[i] rows that lie in the pages of its row of the table. Keys and values [P, pageRows, kvHeads, headDim] are
     * written in place.
     *
     * @param gated whether attention_gate and mlp_gate [T, 1] scale what the sublayers of each row add
     */
    Graph block(boolean gated) {
        Graph.Builder graph = new Graph.Builder();
        String hidden = graph.input("hidden", options.type(), Graph.FREE, config.hiddenSize());
        norm(graph, hidden, "input_norm", "normed");
        multiply(graph, "normed", "qkv", config.qkvWidth(), config.hiddenSize());
        attention(graph);
        multiply(graph, "attention", "projected", config.hiddenSize(), config.queryWidth());
        String gamma = graph.input("post_attention_norm", options.type(), config.hiddenSize());
        graph.nodeOf(
                "SkipSimplifiedLayerNormalization",
                Graph.MICROSOFT,
                List.of("normed_sum", "", "", "sum"),
                List.of(gated ? gate(graph, "projected", "attention_gate") : "projected", hidden, gamma),
                Map.of("epsilon", config.rmsNormEps()));
        multiply(graph, "normed_sum", "gate", config.intermediateSize(), config.hiddenSize());
        multiply(graph, "normed_sum", "up", config.intermediateSize(), config.hiddenSize());
        graph.node("Sigmoid", "", "sigmoid", List.of("gate"), Map.of());
        graph.node("Mul", "", "silu", List.of("gate", "sigmoid"), Map.of());
        graph.node("Mul", "", "gated", List.of("silu", "up"), Map.of());
        multiply(graph, "gated", "down", config.hiddenSize(), config.intermediateSize());
        graph.node("Add", "", "next", List.of(gated ? gate(graph, "down", "mlp_gate") : "down", "sum"), Map.of());
        return graph.output("next", options.type(), Graph.FREE, config.hiddenSize())
                .output("keys_out", options.kvType(), cacheShape())
                .output("values_out", options.kvType(), cacheShape())
                .build();
    }

    private long[] cacheShape() {
        return new long[] {Graph.FREE, options.pageRows(), config.kvHeads(), config.headDim()};
    }

    private void attention(Graph.Builder graph) {
        ElementType type = options.type();
        List<String> in = new ArrayList<>(List.of("qkv", "", ""));
        in.add(graph.input("keys", options.kvType(), cacheShape()));
        in.add(graph.input("values", options.kvType(), cacheShape()));
        in.add(graph.input("cumulative", ElementType.INT32, Graph.FREE));
        in.add(graph.input("past", ElementType.INT32, Graph.FREE));
        in.add(graph.input("table", ElementType.INT32, Graph.FREE, Graph.FREE));
        in.add(graph.input("cos", type, Graph.FREE, config.headDim() / 2));
        in.add(graph.input("sin", type, Graph.FREE, config.headDim() / 2));
        in.addAll(List.of("", "", "", ""));
        in.addAll(scales(graph));
        in.add(options.metadata() > 0 ? graph.input("metadata", ElementType.INT32, options.metadata()) : "");
        while (in.getLast().isEmpty()) {
            in.removeLast();
        }
        Map<String, Object> attributes = new HashMap<>();
        attributes.put("num_heads", (long) config.heads());
        attributes.put("kv_num_heads", (long) config.kvHeads());
        attributes.put("do_rotary", 1L);
        config.slidingWindow().ifPresent(window -> attributes.put("local_window_size", (long) window));
        if (options.quantizesKv()) {
            attributes.put("k_quant_type", options.calibratesKv() ? "PER_CHANNEL" : "PER_TENSOR");
            attributes.put("v_quant_type", options.calibratesKv() ? "PER_CHANNEL" : "PER_TENSOR");
            if (tellsKvBits) {
                attributes.put(KV_BITS, 8L);
            }
        }
        graph.nodeOf(
                "PagedAttention",
                options.attentionDomain(),
                List.of("attention", "keys_out", "values_out"),
                in,
                attributes);
    }

    /** Scales of keys and of values: a block's own for each channel where they are calibrated, otherwise one for all. */
    private List<String> scales(Graph.Builder graph) {
        if (options.calibratesKv()) {
            return List.of(
                    graph.input(KEY_SCALE, ElementType.FLOAT, config.kvHeads(), 1, config.headDim()),
                    graph.input(VALUE_SCALE, ElementType.FLOAT, config.kvHeads(), 1, config.headDim()));
        }
        String scale = options.quantizesKv() ? graph.input("kv_scale", ElementType.FLOAT, 1) : "";
        return List.of(scale, scale); // one tensor for both: a condition of the fastest kernels
    }

    /** hidden [T, hidden] to qkv_wide [T, qkvWidth] in float32: what a block's attention gets, before rope. */
    Graph entrance() {
        Graph.Builder graph = new Graph.Builder();
        String hidden = graph.input("hidden", options.type(), Graph.FREE, config.hiddenSize());
        norm(graph, hidden, "input_norm", "normed");
        multiply(graph, "normed", "qkv", config.qkvWidth(), config.hiddenSize());
        widen(graph, "qkv", "qkv_wide");
        return graph.output("qkv_wide", ElementType.FLOAT, Graph.FREE, config.qkvWidth())
                .build();
    }

    private String gate(Graph.Builder graph, String x, String factors) {
        graph.input(factors, options.type(), Graph.FREE, 1);
        return graph.node("Mul", "", x + "_gated", List.of(x, factors), Map.of());
    }

    /** hidden [T, hidden] to logits [T, vocabulary] in float32: final norm and head. */
    Graph head() {
        Graph.Builder graph = new Graph.Builder();
        String hidden = graph.input("hidden", options.type(), Graph.FREE, config.hiddenSize());
        norm(graph, hidden, "final_norm", "normed");
        multiply(graph, "normed", headProduct(options.type()), config.vocabularySize(), config.hiddenSize());
        widen(graph, headProduct(options.type()), "logits");
        return graph.output("logits", ElementType.FLOAT, Graph.FREE, config.vocabularySize())
                .build();
    }

    /** What the head's product is called: it is the logits only where it is float32. */
    static String headProduct(ElementType type) {
        return type == ElementType.FLOAT ? "logits" : "narrow_logits";
    }

    /** hidden [T, hidden] to normed_wide [T, hidden] in float32: the final norm alone. */
    Graph finalNorm() {
        Graph.Builder graph = new Graph.Builder();
        String hidden = graph.input("hidden", options.type(), Graph.FREE, config.hiddenSize());
        String narrow = options.type() == ElementType.FLOAT ? "normed_wide" : "normed";
        norm(graph, hidden, "final_norm", narrow);
        widen(graph, narrow, "normed_wide");
        return graph.output("normed_wide", ElementType.FLOAT, Graph.FREE, config.hiddenSize())
                .build();
    }

    /** The same numbers in float32, where they are not. */
    private static void widen(Graph.Builder graph, String x, String y) {
        if (!x.equals(y)) {
            graph.node("Cast", "", y, List.of(x), Map.of("to", (long) ElementType.FLOAT.code()));
        }
    }

    /** tokens [T] to hidden [T, hidden]: rows of the embedding [vocabulary, hidden]. */
    Graph embed() {
        Graph.Builder graph = new Graph.Builder();
        String embedding = graph.input("embedding", options.type(), config.vocabularySize(), config.hiddenSize());
        String tokens = graph.input("tokens", ElementType.INT32, Graph.FREE);
        graph.node("Gather", "", "hidden", List.of(embedding, tokens), Map.of("axis", 0L));
        return graph.output("hidden", options.type(), Graph.FREE, config.hiddenSize())
                .build();
    }

    private void norm(Graph.Builder graph, String x, String gamma, String y) {
        graph.input(gamma, options.type(), config.hiddenSize());
        graph.node(
                "SimplifiedLayerNormalization",
                "",
                y,
                List.of(x, gamma),
                Map.of("axis", -1L, "epsilon", config.rmsNormEps(), "stash_type", 1L));
    }

    /** x [T, in] times the transpose of the input {@code y_weight} [out, in], or of its quantized form. */
    private void multiply(Graph.Builder graph, String x, String y, int out, int in) {
        switch (weights) {
            case FP32, BF16, FP16 -> {
                String weight = graph.input(y + "_weight", options.type(), out, in);
                graph.node("Gemm", "", y, List.of(x, weight), Map.of("transB", 1L));
            }
            case INT8, INT4 -> {
                Quantizer quantizer = new Quantizer(weights.bits());
                int blocks = quantizer.blocks(in);
                String values = graph.input(y + "_values", ElementType.UINT8, out, blocks, quantizer.blockBytes());
                String scales = graph.input(y + "_scales", options.type(), out, blocks);
                graph.node(
                        "MatMulNBits",
                        Graph.MICROSOFT,
                        y,
                        List.of(x, values, scales),
                        Map.of(
                                "K", (long) in,
                                "N", (long) out,
                                "bits", (long) weights.bits(),
                                "block_size", (long) Quantizer.BLOCK));
            }
        }
    }
}
