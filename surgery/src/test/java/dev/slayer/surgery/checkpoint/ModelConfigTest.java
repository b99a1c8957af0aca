package dev.slayer.surgery.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.surgery.checkpoint.RopeConfig.Scaling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelConfigTest {
    @TempDir
    Path directory;

    /** What a config cannot do without. */
    private static final String LLAMA = """
            {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64, "num_hidden_layers": 3,
             "num_attention_heads": 8, "intermediate_size": 96, "vocab_size": 100}""";

    private static final String MISTRAL =
            LLAMA.replace("LlamaForCausalLM", "MistralForCausalLM").replace("\"llama\"", "\"mistral\"");

    /** The base config with keys of a second object put over it. */
    private ModelConfig read(String base, String changes) throws IOException {
        ObjectNode config = object(base);
        config.setAll(object(changes.replace('\'', '"')));
        Files.writeString(directory.resolve("config.json"), config.toString());
        return ModelConfig.read(directory);
    }

    private ModelConfig llama(String changes) throws IOException {
        return read(LLAMA, changes);
    }

    private static ObjectNode object(String json) throws JsonProcessingException {
        return (ObjectNode) SafetensorsWriter.JSON.readTree(json);
    }

    @Test
    void whatALlamaConfigLeavesOutIsAsInTransformers() throws IOException {
        assertThat(llama("{}"))
                .isEqualTo(new ModelConfig(
                        "LlamaForCausalLM",
                        64,
                        3,
                        8,
                        8,
                        8,
                        96,
                        100,
                        2048,
                        1e-6f,
                        new RopeConfig(10000, new Scaling.None()),
                        OptionalInt.empty(),
                        false,
                        OptionalInt.of(1),
                        Set.of(2)));
    }

    @Test
    void whatAMistralConfigLeavesOutIsAsInTransformers() throws IOException {
        ModelConfig config = read(MISTRAL, "{}");
        assertThat(config.kvHeads()).isEqualTo(8);
        assertThat(config.contextLength()).isEqualTo(131_072);
        assertThat(config.slidingWindow()).hasValue(4096);
        assertThat(read(MISTRAL, "{'num_attention_heads': 16, 'num_key_value_heads': null}")
                        .kvHeads())
                .isEqualTo(16);
        assertThat(read(MISTRAL, "{'num_attention_heads': 16}").kvHeads()).isEqualTo(8);
    }

    @Test
    void aWindowIsMistralsAloneAndNullIsNone() throws IOException {
        assertThat(read(MISTRAL, "{'sliding_window': 12}").slidingWindow()).hasValue(12);
        assertThat(read(MISTRAL, "{'sliding_window': null}").slidingWindow()).isEmpty();
        assertThat(llama("{'sliding_window': 12}").slidingWindow()).isEmpty();
    }

    @Test
    void theFormsOfTransformers4And5GiveTheSameConfig() throws IOException {
        ModelConfig four = llama("""
                {'torch_dtype': 'bfloat16', 'rope_theta': 500000.0, 'max_position_embeddings': 131072, 'rope_scaling':
                 {'rope_type': 'llama3', 'factor': 8.0, 'low_freq_factor': 1.0, 'high_freq_factor': 4.0,
                  'original_max_position_embeddings': 8192}}""");
        ModelConfig five = llama("""
                {'dtype': 'bfloat16', 'max_position_embeddings': 131072, 'rope_parameters':
                 {'rope_type': 'llama3', 'factor': 8.0, 'low_freq_factor': 1.0, 'high_freq_factor': 4.0,
                  'original_max_position_embeddings': 8192, 'rope_theta': 500000.0}}""");
        assertThat(four).isEqualTo(five);
        assertThat(four.rope()).isEqualTo(new RopeConfig(500_000, new Scaling.Llama3(8, 1, 4, 8192)));
    }

    @Test
    void everyRopeTypeIsRead() throws IOException {
        assertThat(llama("{'rope_scaling': {'type': 'linear', 'factor': 2}}")
                        .rope()
                        .scaling())
                .isEqualTo(new Scaling.Linear(2));
        assertThat(llama("{'rope_scaling': {'type': 'dynamic', 'factor': 2}}")
                        .rope()
                        .scaling())
                .isEqualTo(new Scaling.Dynamic(2));
        assertThat(llama("{'rope_scaling': {'type': 'yarn', 'factor': 4, 'original_max_position_embeddings': 512}}")
                        .rope()
                        .scaling())
                .isEqualTo(new Scaling.Yarn(4, 512, 32, 1, 0.1 * Math.log(4) + 1, true));
        assertThat(llama("{'rope_scaling': {}, 'rope_parameters': {'rope_theta': 77}}")
                        .rope())
                .isEqualTo(new RopeConfig(77, new Scaling.None()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"longrope", "su", "mrope", "ntk", "proportional"})
    void otherRopeTypesAreRefusedByName(String type) {
        assertThatThrownBy(() -> llama("{'rope_scaling': {'type': '" + type + "', 'factor': 2}}"))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("config.json: 'rope_scaling.type' is '" + type + "'");
    }

    @Test
    void endTokensOfTheGenerationConfigWin() throws IOException {
        Path generation = directory.resolve("generation_config.json");
        Files.writeString(generation, "{\"eos_token_id\": [7, 8]}");
        assertThat(llama("{'eos_token_id': 3}").eosTokenIds()).containsExactly(7, 8);
        Files.writeString(generation, "{\"eos_token_id\": 9}");
        assertThat(llama("{'eos_token_id': 3}").eosTokenIds()).containsExactly(9);
        Files.writeString(generation, "{}");
        assertThat(llama("{'eos_token_id': [3, 4]}").eosTokenIds()).containsExactly(3, 4);
        Files.delete(generation);
        assertThat(llama("{'eos_token_id': null, 'bos_token_id': null}").eosTokenIds())
                .isEmpty();
        assertThat(llama("{'bos_token_id': null}").bosTokenId()).isEmpty();
    }

    @Test
    void anEndTokenOutsideTheVocabularyNamesTheFileItIsIn() throws IOException {
        Files.writeString(directory.resolve("generation_config.json"), "{\"eos_token_id\": [2, 100]}");
        assertThatThrownBy(() -> llama("{}"))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(
                        "generation_config.json: 'eos_token_id' is 100, but must be an integer from 0 to 99");
    }

    @Test
    void anArchitectureCanBeToldFromTheModelTypeAlone() throws IOException {
        assertThat(llama("{'architectures': null}").architecture()).isEqualTo("LlamaForCausalLM");
        assertThat(read(MISTRAL, "{'architectures': null}").architecture()).isEqualTo("MistralForCausalLM");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'architectures': ['Qwen2ForCausalLM']} | 'architectures' is \"Qwen2ForCausalLM\"",
                "{'architectures': ['LlamaModel']} | 'architectures' is \"LlamaModel\"",
                "{'model_type': 'mistral'} | with model_type 'mistral'",
                "{'architectures': null, 'model_type': null} | 'architectures' is missing",
                "{'attention_bias': true} | 'attention_bias' is true",
                "{'mlp_bias': true} | 'mlp_bias' is true",
                "{'mlp_bias': 1} | 'mlp_bias' is 1, but must be true or false",
                "{'hidden_act': 'gelu'} | 'hidden_act' is 'gelu'",
                "{'quantization_config': {'quant_method': 'gptq'}} | asks for method \"gptq\"",
                "{'layer_types': ['full_attention', 'sliding_attention']} | 'layer_types' names \"sliding_attention\"",
                "{'partial_rotary_factor': 0.5} | 'partial_rotary_factor' is 0.5",
                "{'rope_parameters': {'partial_rotary_factor': 0.5}} | 'rope_parameters.partial_rotary_factor'",
                "{'rope_scaling': {'type': 'linear'}} | 'rope_scaling.factor' is missing",
                "{'rope_scaling': {'type': 'linear', 'factor': 0}} | 'rope_scaling.factor' is 0",
                "{'rope_scaling': {'type': 7}} | 'rope_scaling.type' is 7, but must be a string",
                "{'rope_scaling': []} | 'rope_scaling' is an array",
                "{'rope_theta': -1} | 'rope_theta' is -1",
                "{'hidden_size': 60} | num_attention_heads=8 does not divide",
                "{'head_dim': 7} | 'head_dim' is 7, but must be an even number",
                "{'num_key_value_heads': 3} | does not divide num_attention_heads=8",
                "{'hidden_size': 0} | 'hidden_size' is 0, but must be an integer from 1 to 65536",
                "{'hidden_size': '64'} | 'hidden_size' is \"64\"",
                "{'hidden_size': 64.0} | 'hidden_size' is 64.0",
                "{'vocab_size': 99999999999999999999} | 'vocab_size' is 99999999999999999999",
                "{'num_hidden_layers': 2147483647} | 'num_hidden_layers' is 2147483647",
                "{'intermediate_size': null} | 'intermediate_size' is missing",
                "{'rms_norm_eps': 0} | 'rms_norm_eps' is 0",
                "{'rms_norm_eps': 1e999} | 'rms_norm_eps' is",
                "{'eos_token_id': [[2]]} | 'eos_token_id' is an array",
                "{'eos_token_id': -1} | 'eos_token_id' is -1",
            })
    void whatCannotBeRunIsRefusedByFileAndKey(String changes, String problem) {
        assertThatThrownBy(() -> llama(changes))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(directory.resolve("config.json") + ": ")
                .hasMessageContaining(problem);
    }

    @Test
    void layerTypesThatAreAllAlikeAreRead() throws IOException {
        assertThat(llama("{'layer_types': ['full_attention', 'full_attention', 'full_attention']}")
                        .layers())
                .isEqualTo(3);
        assertThat(read(MISTRAL, "{'layer_types': ['sliding_attention'], 'sliding_window': 5}")
                        .slidingWindow())
                .hasValue(5);
    }

    @Test
    void aKeyTwiceIsRefused() throws IOException {
        Files.writeString(directory.resolve("config.json"), LLAMA.replace("{", "{\"vocab_size\": 7, "));
        assertThatThrownBy(() -> ModelConfig.read(directory))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("Duplicate")
                .hasMessageContaining("vocab_size");
    }

    @Test
    void parametersOfLlama2AreThePublishedCount() throws IOException {
        ModelConfig config = llama("""
                {'hidden_size': 4096, 'num_hidden_layers': 32, 'num_attention_heads': 32, 'intermediate_size': 11008,
                 'vocab_size': 32000}""");
        assertThat(config.parameters().total()).isEqualTo(6_738_415_616L);
        assertThat(config.parameters().head()).isEqualTo(131_072_000L);
        assertThat(llama("{'tie_word_embeddings': true}").parameters().head()).isZero();
    }

    @Test
    void theLargestConfigOverflowsNothing() throws IOException {
        ModelConfig config = llama("""
                {'hidden_size': 65536, 'num_hidden_layers': 1024, 'num_attention_heads': 1024, 'head_dim': 1024,
                 'intermediate_size': 1048576, 'vocab_size': 4194304, 'max_position_embeddings': 16777216}""");
        assertThat(config.queryWidth()).isEqualTo(1 << 20);
        assertThat(config.parameters().total()).isPositive();
    }
}
