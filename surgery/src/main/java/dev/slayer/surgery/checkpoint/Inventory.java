package dev.slayer.surgery.checkpoint;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Compares the tensors that are there with those that the model needs.
 *
 * <p>A tensor of the decoder itself that the model does not use (a bias, a norm of another architecture, a layer beyond the
 * last) is refused: to ignore it would be to compute another model. Buffers of the rotary embedding, which older checkpoints
 * carry and everybody recomputes, and tensors outside the decoder are extras.
 */
final class Inventory {
    private static final Pattern LAYER = Pattern.compile("model\\.layers\\.(\\d{1,9})\\..*", Pattern.DOTALL);
    private static final Pattern ROTARY_BUFFER =
            Pattern.compile("model\\.(layers\\.\\d{1,9}\\.self_attn\\.)?rotary_emb\\.inv_freq");
    private static final int NAMED_LIMIT = 4;

    private Inventory() {}

    /** Names of the tensors that the model does not use, in file order. */
    static List<String> check(ModelConfig config, Weights weights) {
        Map<String, List<Long>> needed = TensorNames.needed(config);
        List<String> missing = needed.keySet().stream()
                .filter(name -> !weights.entries().containsKey(name))
                .toList();
        if (!missing.isEmpty()) {
            String remedy = missing.equals(List.of(TensorNames.HEAD))
                    ? ", though config.json does not set tie_word_embeddings"
                    : "";
            throw new CheckpointException(weights.source(), "lacks " + listed(missing) + remedy);
        }
        needed.forEach((name, shape) -> requireShape(weights.tensor(name), shape, weights));
        List<String> extras = new ArrayList<>();
        List<String> foreign = new ArrayList<>();
        for (String name : weights.entries().keySet()) {
            if (!needed.containsKey(name)) {
                requireDepth(config, weights, name);
                (isExtra(config, weights, name) ? extras : foreign).add(name);
            }
        }
        if (!foreign.isEmpty()) {
            throw new CheckpointException(
                    file(weights, foreign.getFirst()),
                    "holds " + listed(foreign) + ", which a " + config.architecture()
                            + " as config.json describes it does not use");
        }
        return List.copyOf(extras);
    }

    private static void requireShape(Tensor tensor, List<Long> shape, Weights weights) {
        if (!tensor.shape().equals(shape)) {
            throw new CheckpointException(
                    file(weights, tensor.name()),
                    "tensor '" + tensor.name() + "' has shape " + tensor.shape() + ", but config.json asks for "
                            + shape);
        }
    }

    private static void requireDepth(ModelConfig config, Weights weights, String name) {
        Matcher layer = LAYER.matcher(name);
        if (layer.matches() && Integer.parseInt(layer.group(1)) >= config.layers()) {
            throw new CheckpointException(
                    file(weights, name),
                    "holds tensor '" + name + "', but config.json's num_hidden_layers is " + config.layers()
                            + ", so layers go from 0 to " + (config.layers() - 1));
        }
    }

    private static boolean isExtra(ModelConfig config, Weights weights, String name) {
        if (name.equals(TensorNames.HEAD)) {
            return equalsEmbedding(config, weights);
        }
        return ROTARY_BUFFER.matcher(name).matches() || !(name.startsWith("model.") || name.startsWith("lm_head."));
    }

    /** Some writers store a tied head once more; a head of its own contradicts the config. */
    private static boolean equalsEmbedding(ModelConfig config, Weights weights) {
        Tensor head = weights.tensor(TensorNames.HEAD);
        Tensor embedding = weights.tensor(TensorNames.EMBEDDING);
        if (head.dtype() == embedding.dtype()
                && head.shape().equals(embedding.shape())
                && sameData(file(weights, head.name()), head, embedding)) {
            return true;
        }
        throw new CheckpointException(
                file(weights, head.name()),
                "holds tensor 'lm_head.weight', which differs from the embedding, though config.json sets"
                        + " tie_word_embeddings=" + config.tiedEmbeddings());
    }

    private static boolean sameData(Path file, Tensor one, Tensor other) {
        try {
            return one.data().mismatch(other.data()) < 0;
        } catch (InternalError e) {
            throw new CheckpointException(file, "became shorter while it was read", e);
        }
    }

    private static Path file(Weights weights, String name) {
        return weights.entries().get(name).shard().file();
    }

    private static String listed(List<String> names) {
        String shown = String.join("', '", names.subList(0, Math.min(NAMED_LIMIT, names.size())));
        int more = names.size() - NAMED_LIMIT;
        return (names.size() == 1 ? "tensor '" : "tensors '") + shown + "'"
                + (more > 0 ? " and " + more + " more" : "");
    }
}
