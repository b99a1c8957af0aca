package dev.slayer.server.engine.packed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.slayer.server.accelerator.Placement;
import dev.slayer.server.engine.block.ScoreGraph;
import dev.slayer.server.engine.block.WeightType;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.Graph;
import dev.slayer.server.onnx.OnnxException;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.server.onnx.Session;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/**
 * The graphs as a GPU gets them, in 16 bits and with the library's own operator. The CPU has no kernels for them, but its library knows
 * what they must look like: what it says is that there is no kernel, and not that the graph is wrong.
 */
class PackedGraphsTest {
    private static final int NOT_IMPLEMENTED = 9; // OrtErrorCode
    static final List<PackedOptions> OPTIONS = options();
    private static OnnxRuntime runtime;
    private static ModelConfig config;

    @BeforeAll
    static void open() {
        runtime = OnnxRuntime.open(2);
        try (Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint("random-mistral"))) {
            config = checkpoint.config(); // with a sliding window
        }
    }

    @AfterAll
    static void close() {
        runtime.close();
    }

    private static List<PackedOptions> options() {
        List<PackedOptions> all = new ArrayList<>();
        for (ElementType type : List.of(ElementType.BFLOAT16, ElementType.FLOAT16)) {
            for (int metadata : new int[] {0, 2, 3}) {
                all.add(new PackedOptions(
                        type, type, Graph.MICROSOFT, 256, metadata, 256, 16384, 256, Long.MAX_VALUE, 16));
            }
            for (ElementType kv : List.of(ElementType.FLOAT8E4M3FN, ElementType.INT8)) {
                all.add(new PackedOptions(type, kv, Graph.MICROSOFT, 256, 3, 256, 16384, 256, Long.MAX_VALUE, 16));
            }
        }
        return all;
    }

    @ParameterizedTest
    @FieldSource("OPTIONS")
    void blocksAreWhatTheOperatorsOfTheLibraryTake(PackedOptions options) {
        for (WeightType weights : List.of(WeightType.BF16, WeightType.INT8, WeightType.INT4)) {
            for (boolean gated : new boolean[] {false, true}) {
                Graph graph = PackedGraphs.of(runtime, config, weights, options).block(gated);
                assertThatExceptionOfType(OnnxException.class)
                        .isThrownBy(() -> open(graph))
                        .satisfies(refused -> assertThat(lacksKernelsOnly(refused))
                                .as(refused.getMessage())
                                .isTrue());
            }
        }
    }

    @ParameterizedTest
    @FieldSource("OPTIONS")
    void endsAndRecipesAreWhatTheOperatorsTakeToo(PackedOptions options) {
        PackedGraphs graphs = new PackedGraphs(config, WeightType.BF16, options, false);
        List<Graph> all =
                new ArrayList<>(List.of(graphs.embed(), graphs.head(), graphs.finalNorm(), graphs.entrance()));
        for (RecipeStep step : RecipeStep.values()) {
            all.add(RecipeGraph.of(step, options.type(), options.type()));
        }
        for (Graph graph : all) {
            try {
                open(graph);
            } catch (OnnxException refused) {
                assertThat(lacksKernelsOnly(refused)).as(refused.getMessage()).isTrue();
            }
        }
    }

    /** Of float16 the CPU gets rid by casts, after it has found the graph right, and stumbles over its own. */
    private static boolean lacksKernelsOnly(OnnxException refused) {
        return refused.nativeCode() == NOT_IMPLEMENTED || refused.getMessage().contains("InsertedPrecisionFreeCast");
    }

    @Test
    void aMissingInputIsAGraphThatIsWrong() {
        PackedOptions options = OPTIONS.getFirst();
        Graph graph = new PackedGraphs(config, WeightType.BF16, options, false).block(false);
        List<Graph.Node> nodes = graph.nodes().stream()
                .map(node -> node.operator().equals("PagedAttention")
                        ? new Graph.Node(
                                node.operator(),
                                node.domain(),
                                node.inputs().subList(0, 5),
                                node.outputs(),
                                node.attributes())
                        : node)
                .toList();
        Graph wrong = new Graph(graph.inputs(), graph.outputs(), graph.weights(), nodes);
        assertThatExceptionOfType(OnnxException.class)
                .isThrownBy(() -> open(wrong))
                .satisfies(refused -> assertThat(lacksKernelsOnly(refused)).isFalse());
    }

    @Test
    void whatReducesLogitsRunsInFloat32OnAnyDevice() {
        try (Session draw = runtime.session(DrawGraph.of(config), Placement.HOST, false);
                Session greedy = runtime.session(DrawGraph.greedy(config), Placement.HOST, false);
                Session scores = runtime.session(ScoreGraph.of(config), Placement.HOST, false)) {
            assertThat(draw).isNotNull();
            assertThat(greedy).isNotNull();
            assertThat(scores).isNotNull();
        }
    }

    private static void open(Graph graph) {
        runtime.session(graph, Placement.HOST, false).close();
    }
}
