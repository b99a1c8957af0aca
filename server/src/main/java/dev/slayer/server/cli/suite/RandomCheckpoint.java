package dev.slayer.server.cli.suite;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.TensorNames;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A checkpoint of random weights: config.json, and safetensors in bfloat16 with a file for each layer, so that one of fewer layers shares
 * the files. It is made under another name and renamed when it is whole; one that is there is used again.
 */
final class RandomCheckpoint {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String CONFIG = "config.json";
    private static final double SPARE = 1.02; // of the disk, for what else is written

    private final Shape shape;
    private final Path folder;

    private RandomCheckpoint(Shape shape, Path work) {
        this.shape = shape;
        this.folder = work.resolve(shape.name());
    }

    /**
     * What making one came to.
     *
     * @param folder of the checkpoint
     * @param bytes of weights that were written; 0 if it was there
     * @param seconds that it took
     */
    record Made(Path folder, long bytes, double seconds) {}

    /**
     * Makes one unless it is there.
     *
     * @param work folder of such checkpoints
     * @throws SlayerException if the disk is too small or cannot be written
     */
    static Made make(Shape shape, Path work) {
        return new RandomCheckpoint(shape, work).make();
    }

    /**
     * One of the first layers of another, which must be there; its files are linked, not copied.
     *
     * @throws SlayerException if the disk cannot be written
     */
    static Path shortened(Shape whole, Shape fewer, Path work) {
        RandomCheckpoint target = new RandomCheckpoint(fewer, work);
        if (!target.complete()) {
            Path source = new RandomCheckpoint(whole, work).folder;
            target.write((name, tensors, file) -> Files.createLink(file, source.resolve(name)));
        }
        return target.folder;
    }

    private Made make() {
        if (complete()) {
            return new Made(folder, 0, 0);
        }
        long bytes = shape.config().parameters().total() * Short.BYTES;
        long begun = System.nanoTime();
        requireSpace(bytes);
        write((name, tensors, file) -> RandomTensors.write(file, tensors));
        return new Made(folder, bytes, (System.nanoTime() - begun) / 1e9);
    }

    private boolean complete() {
        return Files.isRegularFile(folder.resolve(CONFIG));
    }

    private void requireSpace(long bytes) {
        try {
            Files.createDirectories(folder.getParent());
            long free = Files.getFileStore(folder.getParent()).getUsableSpace();
            if (free < bytes * SPARE) {
                throw new SlayerException(
                        507,
                        "disk_full",
                        "--work",
                        folder.getParent() + " has " + free + " bytes left; the weights of " + shape.name() + " are "
                                + bytes + ". Name a folder on another disk by --work.",
                        null);
            }
        } catch (IOException e) {
            throw unwritable(e);
        }
    }

    /** Makes a file of the checkpoint. */
    @FunctionalInterface
    private interface FileMaker {
        void make(String name, Map<String, RandomTensors.Spec> tensors, Path file) throws IOException;
    }

    private void write(FileMaker maker) {
        Path parts = folder.resolveSibling(folder.getFileName() + ".part");
        try {
            delete(parts);
            Files.createDirectories(parts);
            Map<String, Map<String, RandomTensors.Spec>> files = files();
            files.entrySet().parallelStream().forEach(file -> {
                try {
                    maker.make(file.getKey(), file.getValue(), parts.resolve(file.getKey()));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            Files.writeString(parts.resolve("model.safetensors.index.json"), index(files));
            Files.writeString(parts.resolve(CONFIG), config());
            Files.move(parts, folder, StandardCopyOption.ATOMIC_MOVE);
        } catch (UncheckedIOException e) {
            throw unwritable(e.getCause());
        } catch (IOException e) {
            throw unwritable(e);
        }
    }

    private SlayerException unwritable(IOException e) {
        return new SlayerException(
                500, "io_error", "--work", "a checkpoint cannot be written to " + folder + ": " + e, e);
    }

    /** Which file holds which tensors. */
    private Map<String, Map<String, RandomTensors.Spec>> files() {
        ModelConfig config = shape.config();
        Map<String, Map<String, RandomTensors.Spec>> files = new LinkedHashMap<>();
        List<Long> matrix = List.of((long) config.vocabularySize(), (long) config.hiddenSize());
        files.put("embedding.safetensors", Map.of(TensorNames.EMBEDDING, new RandomTensors.Spec(matrix, 1)));
        files.put(
                "head.safetensors",
                Map.of(TensorNames.HEAD, new RandomTensors.Spec(matrix, 1 / Math.sqrt(config.hiddenSize()))));
        files.put(
                "norm.safetensors",
                Map.of(TensorNames.FINAL_NORM, new RandomTensors.Spec(List.of((long) config.hiddenSize()), 0)));
        for (int layer = 0; layer < config.layers(); layer++) {
            Map<String, RandomTensors.Spec> tensors = new LinkedHashMap<>();
            for (LayerTensor tensor : LayerTensor.values()) {
                tensors.put(tensor.name(layer), spec(tensor));
            }
            files.put("layer-" + layer + ".safetensors", tensors);
        }
        return files;
    }

    /** Products keep the size of what they get; those that end a sublayer add so little that 32 layers stay in range. */
    private RandomTensors.Spec spec(LayerTensor tensor) {
        List<Long> sizes = tensor.shape(shape.config());
        if (sizes.size() == 1) {
            return new RandomTensors.Spec(sizes, 0);
        }
        double scale = 1 / Math.sqrt(sizes.getLast());
        return new RandomTensors.Spec(sizes, tensor.endsSublayer() ? scale / 4 : scale);
    }

    private String index(Map<String, Map<String, RandomTensors.Spec>> files) throws IOException {
        ObjectNode root = JSON.createObjectNode();
        root.putObject("metadata").put("total_size", shape.config().parameters().total() * Short.BYTES);
        ObjectNode map = root.putObject("weight_map");
        files.forEach((file, tensors) -> tensors.keySet().forEach(name -> map.put(name, file)));
        return JSON.writeValueAsString(root);
    }

    private String config() throws IOException {
        ModelConfig config = shape.config();
        ObjectNode root = JSON.createObjectNode();
        root.putArray("architectures").add(config.architecture());
        root.put("model_type", "llama")
                .put("hidden_size", config.hiddenSize())
                .put("num_hidden_layers", config.layers())
                .put("num_attention_heads", config.heads())
                .put("num_key_value_heads", config.kvHeads())
                .put("intermediate_size", config.intermediateSize())
                .put("vocab_size", config.vocabularySize())
                .put("max_position_embeddings", config.contextLength())
                .put("rms_norm_eps", config.rmsNormEps())
                .put("rope_theta", config.rope().theta())
                .put("tie_word_embeddings", false)
                .put("bos_token_id", config.bosTokenId().orElseThrow())
                .put("eos_token_id", config.eosTokenIds().iterator().next())
                .put("torch_dtype", "bfloat16");
        return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(root);
    }

    /** Deletes a folder with all that is in it, if it is there. */
    static void delete(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        List<Path> all = new ArrayList<>();
        try (Stream<Path> paths = Files.walk(folder)) {
            paths.forEach(all::add);
        }
        for (Path path : all.reversed()) {
            Files.delete(path);
        }
    }
}
