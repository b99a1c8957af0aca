package dev.slayer.surgery.checkpoint;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;

/** Spoilt configurations, and sound ones that belong to other weights. */
final class ConfigCorruptions {
    private ConfigCorruptions() {}

    static List<Corruption> all() {
        return List.of(
                changed(
                        "types and ranges in the config",
                        "{'hidden_size': '8'}",
                        "{'hidden_size': 8.5}",
                        "{'hidden_size': -8}",
                        "{'hidden_size': 0}",
                        "{'hidden_size': 1e400}",
                        "{'hidden_size': [8]}",
                        "{'hidden_size': null}",
                        "{'num_hidden_layers': 2147483648}",
                        "{'num_hidden_layers': 1000000}",
                        "{'num_attention_heads': true}",
                        "{'num_attention_heads': 3}",
                        "{'num_key_value_heads': 0}",
                        "{'num_key_value_heads': {}}",
                        "{'vocab_size': 99999999999999999999999}",
                        "{'max_position_embeddings': 0}",
                        "{'rms_norm_eps': 'small'}",
                        "{'rms_norm_eps': -1e-5}",
                        "{'tie_word_embeddings': 'no'}",
                        "{'eos_token_id': 16, 'bos_token_id': 16}",
                        "{'rope_theta': 'ten'}",
                        "{'rope_scaling': 7}",
                        "{'rope_scaling': {'type': 'longrope', 'factor': 2}}",
                        "{'rope_scaling': {'type': 'linear', 'factor': -2}}",
                        "{'rope_scaling': {'type': 'yarn', 'original_max_position_embeddings': 0, 'factor': 2}}",
                        "{'architectures': 'LlamaForCausalLM'}",
                        "{'architectures': ['GPT2LMHeadModel']}",
                        "{'architectures': []}",
                        "{'attention_bias': true}",
                        "{'hidden_act': 'relu'}",
                        "{'quantization_config': {'quant_method': 'awq'}}"),
                changed(
                        "a config of other weights",
                        "{'hidden_size': 16, 'head_dim': 4}",
                        "{'head_dim': 8}",
                        "{'num_attention_heads': 4}",
                        "{'num_key_value_heads': 2}",
                        "{'intermediate_size': 13}",
                        "{'vocab_size': 17}",
                        "{'num_hidden_layers': 1}",
                        "{'num_hidden_layers': 3}",
                        "{'tie_word_embeddings': true}"),
                texts("config.json"),
                texts("generation_config.json"));
    }

    private static Corruption changed(String kind, String... changes) {
        return Corruption.of(kind, changes.length, (directory, _, number) -> {
            TinyCheckpoint tiny = TinyCheckpoint.single();
            String change = changes[number].replace('\'', '"');
            tiny.config.setAll((ObjectNode) SafetensorsWriter.JSON.readTree(change));
            tiny.write(directory);
        });
    }

    private static Corruption texts(String file) {
        byte[] tooLarge = new byte[5 << 20];
        Arrays.fill(tooLarge, (byte) ' ');
        List<byte[]> texts = List.of(
                new byte[0],
                utf8("[1, 2]"),
                utf8("{\"eos_token_id\": 2"),
                utf8("{\"eos_token_id\": 2, \"eos_token_id\": 3}"),
                utf8("{\"eos_token_id\": [[2]], \"hidden_size\": []}"),
                utf8("{\"a\":".repeat(100_000)),
                tooLarge);
        return Corruption.of("text of " + file, texts.size(), (directory, _, number) -> {
            TinyCheckpoint.single().write(directory);
            Files.write(directory.resolve(file), texts.get(number));
        });
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
