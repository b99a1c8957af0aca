package dev.slayer.training.method;

import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.TensorNames;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Names, shapes and first values of what a method trains. */
public final class TrainableParts {
    /** Deviation of AdaLoRA's first values, as published. */
    private static final double ADAPTIVE_DEVIATION = 0.02;
    /** Deviation of an adapter's first values: near the identity, as published. */
    private static final double ADAPTER_DEVIATION = 0.01;

    private static final ParameterSpec.Start MODEL = new ParameterSpec.Start.Model();
    private static final ParameterSpec.Start ZERO = new ParameterSpec.Start.Zero();

    private TrainableParts() {}

    /** All parameters of a method over a model. */
    public static List<ParameterSpec> of(Method method, ModelConfig config) {
        return switch (method) {
            case Method.Weights weights -> weights(weights, config);
            case Method.LowRank lora -> lowRank(lora, config);
            case Method.Adaptive adaptive -> adaptive(adaptive, config);
            case Method.Adapters adapters -> adapters(adapters, config);
        };
    }

    private static List<ParameterSpec> weights(Method.Weights method, ModelConfig config) {
        List<ParameterSpec> specs = new ArrayList<>();
        List<Long> table = List.of((long) config.vocabularySize(), (long) config.hiddenSize());
        if (method.embedding()) {
            specs.add(new ParameterSpec(TensorNames.EMBEDDING, table, MODEL, true));
        }
        for (int slot : method.slots()) {
            for (LayerTensor tensor : LayerTensor.values()) {
                specs.add(new ParameterSpec(
                        tensor.name(slot), tensor.shape(config), MODEL, Method.MATRICES.contains(tensor)));
            }
        }
        if (method.norm()) {
            specs.add(new ParameterSpec(TensorNames.FINAL_NORM, List.of((long) config.hiddenSize()), MODEL, false));
        }
        // A head tied to an embedding that is trained is trained with it; one that is trained alone comes loose.
        if (method.head() && !(method.embedding() && config.tiedEmbeddings())) {
            specs.add(new ParameterSpec(TensorNames.HEAD, table, MODEL, true));
        }
        return specs;
    }

    /** A as torch.nn.Linear draws its weights by default, which is what LoRA's authors use; B zero. */
    private static List<ParameterSpec> lowRank(Method.LowRank method, ModelConfig config) {
        List<ParameterSpec> specs = new ArrayList<>();
        each(method.slots(), method.matrices(), (slot, tensor) -> {
            long out = tensor.shape(config).get(0);
            long in = tensor.shape(config).get(1);
            long rank = method.rank();
            specs.add(new ParameterSpec(
                    factor(tensor, slot, "lora_A"),
                    List.of(rank, in),
                    new ParameterSpec.Start.Uniform(1 / Math.sqrt((double) in)),
                    true));
            specs.add(new ParameterSpec(factor(tensor, slot, "lora_B"), List.of(out, rank), ZERO, true));
        });
        return specs;
    }

    private static List<ParameterSpec> adaptive(Method.Adaptive method, ModelConfig config) {
        List<ParameterSpec> specs = new ArrayList<>();
        ParameterSpec.Start normal = new ParameterSpec.Start.Normal(ADAPTIVE_DEVIATION);
        each(method.slots(), method.matrices(), (slot, tensor) -> {
            long out = tensor.shape(config).get(0);
            long in = tensor.shape(config).get(1);
            long rank = method.rank();
            specs.add(new ParameterSpec(factor(tensor, slot, "lora_A"), List.of(rank, in), normal, true));
            specs.add(new ParameterSpec(factor(tensor, slot, "lora_B"), List.of(out, rank), normal, true));
            specs.add(new ParameterSpec(factor(tensor, slot, "lora_E"), List.of(rank), ZERO, true));
        });
        return specs;
    }

    private static List<ParameterSpec> adapters(Method.Adapters method, ModelConfig config) {
        List<ParameterSpec> specs = new ArrayList<>();
        long hidden = config.hiddenSize();
        long size = method.size();
        ParameterSpec.Start normal = new ParameterSpec.Start.Normal(ADAPTER_DEVIATION);
        for (int slot : method.slots()) {
            for (boolean attention : new boolean[] {true, false}) {
                specs.add(new ParameterSpec(
                        adapter(slot, attention, "down.weight"), List.of(size, hidden), normal, true));
                specs.add(new ParameterSpec(adapter(slot, attention, "down.bias"), List.of(size), ZERO, false));
                specs.add(
                        new ParameterSpec(adapter(slot, attention, "up.weight"), List.of(hidden, size), normal, true));
                specs.add(new ParameterSpec(adapter(slot, attention, "up.bias"), List.of(hidden), ZERO, false));
            }
        }
        return specs;
    }

    private interface Use {
        void use(int slot, LayerTensor tensor);
    }

    private static void each(Set<Integer> slots, Set<LayerTensor> matrices, Use use) {
        for (int slot : slots) {
            for (LayerTensor tensor : matrices) {
                use.use(slot, tensor);
            }
        }
    }

    /**
     * Name of a low-rank factor: {@code model.layers.5.mlp.up_proj.lora_A.weight}.
     *
     * @param factor {@code lora_A}, {@code lora_B} or {@code lora_E}
     */
    public static String factor(LayerTensor tensor, int slot, String factor) {
        String name = tensor.name(slot);
        return name.substring(0, name.length() - "weight".length()) + factor + ".weight";
    }

    /**
     * Name of an adapter's tensor: {@code model.layers.5.self_attn.adapter.down.weight}.
     *
     * @param attention after the attention, or after the MLP
     * @param tensor {@code down.weight}, {@code down.bias}, {@code up.weight} or {@code up.bias}
     */
    public static String adapter(int slot, boolean attention, String tensor) {
        return "model.layers." + slot + (attention ? ".self_attn" : ".mlp") + ".adapter." + tensor;
    }
}
