package dev.slayer.training.model;

import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.training.method.Method;
import dev.slayer.training.method.TrainableParts;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** The weights of a slot as a method trains them: its parameters where it has some, the layout's own weights for the rest. */
record Trained(int slot, Method method, Parameters parameters, FrozenWeights frozen, Dropout dropout)
        implements SlotWeights {
    @Override
    public Tensor norm(LayerTensor tensor) {
        return weight(tensor);
    }

    @Override
    public Tensor project(LayerTensor tensor, Tensor x) {
        Tensor y = torch.linear(x, weight(tensor));
        return switch (method) {
            case Method.Weights _, Method.Adapters _ -> y;
            case Method.LowRank lora
            when lora.slots().contains(slot) && lora.matrices().contains(tensor) ->
                y.add(up(tensor, down(tensor, x)), new Scalar(lora.scale()));
            case Method.LowRank _ -> y;
            case Method.Adaptive adaptive
            when adaptive.slots().contains(slot) && adaptive.matrices().contains(tensor) ->
                y.add(up(tensor, down(tensor, x).mul(factor(tensor, "lora_E"))), new Scalar(adaptive.scale()));
            case Method.Adaptive _ -> y;
        };
    }

    @Override
    public Tensor adapt(boolean attention, Tensor y) {
        if (!(method instanceof Method.Adapters adapters) || !adapters.slots().contains(slot)) {
            return y;
        }
        Tensor down =
                torch.linear(y, adapter(attention, "down.weight"), new TensorOptional(adapter(attention, "down.bias")));
        Tensor up = torch.linear(
                torch.gelu(down), adapter(attention, "up.weight"), new TensorOptional(adapter(attention, "up.bias")));
        return y.add(up);
    }

    private Tensor adapter(boolean attention, String name) {
        return computing(parameters.leaf(TrainableParts.adapter(slot, attention, name)));
    }

    private Tensor down(LayerTensor tensor, Tensor x) {
        return torch.linear(dropout.of(x), factor(tensor, "lora_A"));
    }

    private Tensor up(LayerTensor tensor, Tensor x) {
        return torch.linear(x, factor(tensor, "lora_B"));
    }

    private Tensor factor(LayerTensor tensor, String name) {
        return computing(parameters.leaf(TrainableParts.factor(tensor, slot, name)));
    }

    private Tensor computing(Tensor stored) {
        return parameters.placement().computing(stored);
    }

    private Tensor weight(LayerTensor tensor) {
        String name = tensor.name(slot);
        return computing(parameters.has(name) ? parameters.leaf(name) : frozen.slot(slot, tensor));
    }
}
