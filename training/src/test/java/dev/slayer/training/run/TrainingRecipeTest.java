package dev.slayer.training.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Expansion;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.LayoutParameters;
import dev.slayer.surgery.layout.Namespace;
import dev.slayer.training.golden.GoldenLayouts;
import dev.slayer.training.method.Method;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class TrainingRecipeTest {
    private static final Path RECIPES =
            Path.of(System.getProperty("slayer.root")).resolve("training/recipes");

    static Stream<Path> recipes() throws IOException {
        try (Stream<Path> files = Files.walk(RECIPES)) {
            List<Path> found =
                    files.filter(file -> file.toString().endsWith(".yaml")).toList();
            assertThat(found).hasSizeGreaterThan(8);
            return found.stream();
        }
    }

    @ParameterizedTest
    @MethodSource("recipes")
    void everyRecipeOfTheProjectCanBeReadAndPlanned(Path file) throws IOException {
        TrainingRecipe recipe = TrainingRecipe.parse(Files.readString(file));
        Expansion expansion = expansion(recipe.layout());
        assertThat(MethodPlan.of(recipe.method(), expansion, false, 1000)).isNotNull();
        assertThat(DataPlan.of(recipe, file.getParent()).sources()).isNotEmpty();
    }

    @Test
    void thePapersSettingsAreTheDefaults() {
        TrainingRecipe recipe = TrainingRecipe.parse("data: {sources: [a.jsonl]}");
        TrainingRecipe.OptimizerPart part = recipe.optimizer();
        assertThat(List.of(
                        part.learningRate(), part.warmupRatio(), part.beta1(), part.beta2(), part.decay(), part.clip()))
                .containsExactly(2e-4, 0.02, 0.9, 0.95, 0.1, 1.0);
    }

    @Test
    void expandTrainsWhatTheStrategyInserts() {
        Method method = MethodPlan.of(part("{name: expand}"), expansion("preset=slayer"), false, 10);
        assertThat(method).isInstanceOfSatisfying(Method.Weights.class, weights -> {
            assertThat(weights.slots()).containsExactly(2, 5, 8, 12);
            assertThat(weights.head()).isTrue();
            assertThat(weights.embedding()).isFalse();
        });
    }

    @Test
    void slotsAndMatricesAreChosenByName() {
        Method method = MethodPlan.of(
                part("{name: lora, slots: \"0,2-3\", matrices: \"q_proj,v_proj\", rank: 4}"), expansion(""), false, 10);
        assertThat(method).isInstanceOfSatisfying(Method.LowRank.class, lora -> {
            assertThat(lora.slots()).containsExactly(0, 2, 3);
            assertThat(lora.matrices()).containsExactly(LayerTensor.QUERY, LayerTensor.VALUE);
            assertThat(lora.scale()).isEqualTo(2);
        });
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "data: {sources: [a.jsonl]}, colour: red| colour",
                "data: {sources: [a.jsonl], lenght: 3}| lenght",
                "layout: x| data",
                "data: {sources: [a.jsonl]}, optimizer: {batch: 0}| batch=0",
                "data: {sources: [a.jsonl]}, optimizer: {batch: many}| batch",
                "data: {sources: [a.jsonl]}, run: {threads: -1}| threads=-1"
            })
    void whatIsNotKnownOrOutOfRangeIsRefusedByName(String text, String named) {
        assertThatThrownBy(() -> TrainingRecipe.parse("{" + text + "}"))
                .isInstanceOfSatisfying(
                        SlayerException.class,
                        refused -> assertThat(refused.status()).isEqualTo(400))
                .hasMessageContaining(named.strip());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{name: magic}| magic",
                "{name: expand}| comes from no strategy",
                "{name: lora, slots: \"12\"}| 0-11",
                "{name: lora, slots: \"3-1\"}| 3-1",
                "{name: lora, matrices: \"x_proj\"}| q_proj",
                "{name: expand, slots: none, head: true}| tie_word_embeddings"
            })
    void aMethodThatDoesNotFitTheLayoutIsRefused(String method, String named) {
        assertThatThrownBy(() -> MethodPlan.of(part(method), expansion(""), true, 10))
                .isInstanceOf(SlayerException.class)
                .hasMessageContaining(named.strip());
    }

    @Test
    void aliasesThatGrowAreRefused() {
        String bomb = "a: &a [x,x]\nb: &b [*a,*a]\ndata: {sources: *b}\n";
        assertThatThrownBy(() -> TrainingRecipe.parse(bomb)).isInstanceOf(SlayerException.class);
    }

    private static TrainingRecipe.MethodPart part(String method) {
        return TrainingRecipe.parse("data: {sources: [a.jsonl]}\nmethod: " + method)
                .method();
    }

    private static Expansion expansion(String layout) {
        ModelConfig config = ModelConfig.read(GoldenLayouts.directory("slayer-tiny"));
        LayoutParameters parameters = layout.isEmpty() ? LayoutParameters.of(Map.of()) : LayoutParameters.parse(layout);
        return parameters.expand(config, Layout.identity(config.layers()), Namespace.BASE_ONLY);
    }

    @Test
    void thePrecisionFollowsTheDeviceUnlessItIsNamed() {
        TrainingRecipe recipe = TrainingRecipe.parse("data: {sources: [a.jsonl]}");
        assertThat(recipe.run().device()).isEqualTo("cpu");
        assertThat(recipe.run().precision()).isEqualTo("float32");
        TrainingRecipe elsewhere = recipe.on(Optional.of("cuda:1"), Optional.empty());
        assertThat(elsewhere.run().precision()).isEqualTo("bfloat16");
        assertThat(elsewhere.on(Optional.empty(), Optional.of("float32")).run().precision())
                .isEqualTo("float32");
        assertThat(TrainingRecipe.parse("data: {sources: [a.jsonl]}\nrun: {precision: bfloat16}")
                        .run()
                        .precision())
                .isEqualTo("bfloat16");
        assertThatThrownBy(() -> recipe.on(Optional.of("gpu"), Optional.empty()))
                .hasMessageContaining("cpu, cuda, cuda:N");
        assertThatThrownBy(() -> recipe.on(Optional.empty(), Optional.of("int8")))
                .hasMessageContaining("int8");
    }
}
