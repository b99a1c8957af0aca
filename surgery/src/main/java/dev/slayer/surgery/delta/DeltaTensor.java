package dev.slayer.surgery.delta;

import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.TensorNames;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a tensor of a delta is, from its name. Slots stand where a checkpoint has the layer's number:
 *
 * <pre>
 * model.layers.4.self_attn.q_proj.weight          the whole matrix of slot 4
 * model.layers.4.self_attn.q_proj.lora_A.weight   [rank, in]
 * model.layers.4.self_attn.q_proj.lora_B.weight   [out, rank]
 * model.layers.4.self_attn.q_proj.lora_E.weight   [rank], AdaLoRA's diagonal
 * model.layers.4.mlp.adapter.down.weight          of a Houlsby adapter: down, up; weight, bias
 * model.embed_tokens.weight, model.norm.weight, lm_head.weight
 * </pre>
 */
public sealed interface DeltaTensor {
    /** A tensor of a slot as a checkpoint would have it. */
    record Whole(int slot, LayerTensor tensor) implements DeltaTensor {}

    /** A factor of a slot's matrix. */
    record Factor(int slot, LayerTensor tensor, Role role) implements DeltaTensor {}

    /** Part of a Houlsby adapter, which no Llama checkpoint can hold. */
    record Adapter(int slot, boolean down, boolean bias) implements DeltaTensor {}

    /** Embedding, final norm or head, by its name in a checkpoint. */
    record End(String name) implements DeltaTensor {}

    /** Which factor. */
    enum Role {
        /** [rank, in]. */
        DOWN("lora_A"),
        /** [out, rank]. */
        UP("lora_B"),
        /** [rank]. */
        DIAGONAL("lora_E");

        private final String word;

        Role(String word) {
            this.word = word;
        }

        /** The name of this factor of a slot's matrix. */
        public String name(int slot, LayerTensor tensor) {
            String whole = tensor.name(slot);
            return whole.substring(0, whole.length() - WEIGHT.length()) + "." + word + WEIGHT;
        }
    }

    /** How names of matrices end. */
    String WEIGHT = ".weight";

    /** Slots, as names write them: no sign, no leading zero. */
    Pattern LAYER = Pattern.compile("model\\.layers\\.(0|[1-9]\\d{0,5})\\.(.{1,200})");

    /** Parts of adapters, behind the slot. */
    Pattern ADAPTER = Pattern.compile("(?:self_attn|mlp)\\.adapter\\.(down|up)\\.(weight|bias)");

    /** What a name says; empty if no tensor of a delta is called so. */
    static Optional<DeltaTensor> of(String name) {
        switch (name) {
            case TensorNames.EMBEDDING, TensorNames.FINAL_NORM, TensorNames.HEAD -> {
                return Optional.of(new End(name));
            }
            default -> {}
        }
        Matcher layer = LAYER.matcher(name);
        if (!layer.matches()) {
            return Optional.empty();
        }
        int slot = Integer.parseInt(layer.group(1));
        Matcher adapter = ADAPTER.matcher(layer.group(2));
        if (adapter.matches()) {
            return Optional.of(new Adapter(
                    slot, adapter.group(1).equals("down"), adapter.group(2).equals("bias")));
        }
        for (LayerTensor tensor : LayerTensor.values()) {
            if (tensor.name(slot).equals(name)) {
                return Optional.of(new Whole(slot, tensor));
            }
            for (Role role : Role.values()) {
                if (isMatrix(tensor) && role.name(slot, tensor).equals(name)) {
                    return Optional.of(new Factor(slot, tensor, role));
                }
            }
        }
        return Optional.empty();
    }

    private static boolean isMatrix(LayerTensor tensor) {
        return tensor != LayerTensor.INPUT_NORM && tensor != LayerTensor.POST_ATTENTION_NORM;
    }
}
