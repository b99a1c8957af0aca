package dev.slayer.surgery.checkpoint;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;

/** A sound checkpoint of two layers and a few kB, held in memory so that a test can spoil any part before it is written. */
final class TinyCheckpoint {
    static final int LAYERS = 2;

    final ObjectNode config = SafetensorsWriter.JSON.createObjectNode();
    final ObjectNode generation = SafetensorsWriter.JSON.createObjectNode();
    /** weight_map and metadata; written only if there are shards. */
    final ObjectNode index = SafetensorsWriter.JSON.createObjectNode();
    /** By file name. */
    final Map<String, SafetensorsWriter> files = new TreeMap<>();

    private TinyCheckpoint() {
        config.putArray("architectures").add("LlamaForCausalLM");
        config.put("model_type", "llama")
                .put("hidden_size", 8)
                .put("num_hidden_layers", LAYERS)
                .put("num_attention_heads", 2)
                .put("num_key_value_heads", 1)
                .put("intermediate_size", 12)
                .put("vocab_size", 16)
                .put("max_position_embeddings", 64)
                .put("rms_norm_eps", 1e-5)
                .put("rope_theta", 10000.0)
                .put("tie_word_embeddings", false)
                .put("bos_token_id", 1)
                .put("eos_token_id", 2);
        generation.put("bos_token_id", 1).putArray("eos_token_id").add(2).add(4);
    }

    /** Everything in model.safetensors. */
    static TinyCheckpoint single() {
        return sharded(1);
    }

    /** Spread over shards in turn, with an index; one shard is a single file without index. */
    static TinyCheckpoint sharded(int shards) {
        TinyCheckpoint checkpoint = new TinyCheckpoint();
        Random random = new Random(7);
        String[] types = {"F32", "BF16", "F16"};
        int at = 0;
        ObjectNode homes = checkpoint.index.putObject("weight_map");
        for (Map.Entry<String, List<Long>> tensor : checkpoint.needed().entrySet()) {
            String type = types[at % types.length];
            String file = shards == 1
                    ? "model.safetensors"
                    : "model-%05d-of-%05d.safetensors".formatted(at % shards + 1, shards);
            byte[] bytes = values(random, type, tensor.getValue());
            checkpoint
                    .files
                    .computeIfAbsent(file, _ -> new SafetensorsWriter())
                    .add(tensor.getKey(), type, tensor.getValue(), bytes);
            homes.put(tensor.getKey(), file);
            at++;
        }
        return checkpoint;
    }

    /** The one file of a checkpoint without shards. */
    SafetensorsWriter model() {
        return files.get("model.safetensors");
    }

    private Map<String, List<Long>> needed() {
        ModelConfig shape = new ModelConfig(
                "LlamaForCausalLM",
                8,
                LAYERS,
                2,
                1,
                4,
                12,
                16,
                64,
                1e-5f,
                new RopeConfig(10000, new RopeConfig.Scaling.None()),
                OptionalInt.empty(),
                false,
                OptionalInt.empty(),
                Set.of());
        return TensorNames.needed(shape);
    }

    /** Finite numbers in the given element type. */
    static byte[] values(Random random, String dtype, List<Long> shape) {
        int count = Math.toIntExact(shape.stream().reduce(1L, Math::multiplyExact));
        int size = dtype.equals("F32") ? 4 : 2;
        ByteBuffer bytes = ByteBuffer.allocate(count * size).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            float value = random.nextFloat() - 0.5f;
            switch (dtype) {
                case "F32" -> bytes.putFloat(value);
                case "BF16" -> bytes.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
                default -> bytes.putShort(Float.floatToFloat16(value));
            }
        }
        return bytes.array();
    }

    Path write(Path directory) throws IOException {
        Files.createDirectories(directory);
        SafetensorsWriter.JSON.writeValue(directory.resolve("config.json").toFile(), config);
        SafetensorsWriter.JSON.writeValue(
                directory.resolve("generation_config.json").toFile(), generation);
        for (Map.Entry<String, SafetensorsWriter> file : files.entrySet()) {
            file.getValue().write(directory.resolve(file.getKey()));
        }
        if (files.size() > 1) {
            SafetensorsWriter.JSON.writeValue(
                    directory.resolve("model.safetensors.index.json").toFile(), index);
        }
        return directory;
    }
}
