package dev.slayer.server.engine.packed;

import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.util.ArrayList;
import java.util.List;

/** The inputs of the block's graph. */
enum Role {
    INPUT_NORM("input_norm", LayerTensor.INPUT_NORM),
    QKV("qkv", LayerTensor.QUERY, LayerTensor.KEY, LayerTensor.VALUE),
    PROJECTED("projected", LayerTensor.ATTENTION_OUTPUT),
    POST_ATTENTION_NORM("post_attention_norm", LayerTensor.POST_ATTENTION_NORM),
    GATE("gate", LayerTensor.GATE),
    UP("up", LayerTensor.UP),
    DOWN("down", LayerTensor.DOWN);

    private final String product;

    @SuppressWarnings("ImmutableEnumChecker") // an immutable list
    private final List<LayerTensor> tensors;

    Role(String product, LayerTensor... tensors) {
        this.product = product;
        this.tensors = List.of(tensors);
    }

    /** What the weights, one below the other, are. */
    List<LayerTensor> tensors() {
        return tensors;
    }

    /** Whether it is the last matrix of a sublayer, which is zero where the recipe is silent. */
    boolean endsSublayer() {
        return tensors.getFirst().endsSublayer();
    }

    boolean matrix() {
        return tensors.getFirst() != LayerTensor.INPUT_NORM && tensors.getFirst() != LayerTensor.POST_ATTENTION_NORM;
    }

    /** What the graph calls the product with it. */
    String product() {
        return product;
    }

    /** What the graph calls it where it is not quantized. */
    String input() {
        return matrix() ? product + "_weight" : product;
    }

    List<Long> shape(ModelConfig config) {
        List<Long> shape = new ArrayList<>(tensors.getFirst().shape(config));
        shape.set(
                0,
                tensors.stream()
                        .mapToLong(tensor -> tensor.shape(config).getFirst())
                        .sum());
        return shape;
    }
}
