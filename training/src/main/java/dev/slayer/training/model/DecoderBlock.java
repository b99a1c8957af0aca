package dev.slayer.training.model;

import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Gates;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** What a slot computes, as a function: h = x + s attention(norm(x)), then h + s mlp(norm(h)), with its gates' scale s. */
final class DecoderBlock {
    private DecoderBlock() {}

    /**
     * Takes rows through a slot.
     *
     * @param x [rows, length, hidden]
     * @return [rows, length, hidden]
     */
    static Tensor forward(ModelConfig config, Tensor x, SlotWeights weights, Gates gates, Positions positions) {
        Tensor h = x;
        if (gates.attention()) {
            Tensor normed = norm(config, h, weights.norm(LayerTensor.INPUT_NORM));
            Tensor out = weights.adapt(true, attention(config, normed, weights, positions));
            h = h.add(out, new Scalar((double) gates.attentionScale()));
        }
        if (gates.mlp()) {
            Tensor normed = norm(config, h, weights.norm(LayerTensor.POST_ATTENTION_NORM));
            Tensor out = weights.adapt(false, mlp(normed, weights));
            h = h.add(out, new Scalar((double) gates.mlpScale()));
        }
        return h;
    }

    private static Tensor attention(ModelConfig config, Tensor x, SlotWeights weights, Positions positions) {
        Tensor queries = positions.rotate(heads(weights.project(LayerTensor.QUERY, x), config.heads()));
        Tensor keys = positions.rotate(heads(weights.project(LayerTensor.KEY, x), config.kvHeads()));
        Tensor values = heads(weights.project(LayerTensor.VALUE, x), config.kvHeads());
        Tensor attended = positions.attend(queries, keys, values);
        Tensor joined = attended.transpose(1, 2).reshape(x.size(0), x.size(1), config.queryWidth());
        return weights.project(LayerTensor.ATTENTION_OUTPUT, joined);
    }

    /** [rows, length, heads * headDim] to [rows, heads, length, headDim]. */
    private static Tensor heads(Tensor x, int heads) {
        return x.view(x.size(0), x.size(1), heads, x.size(2) / heads).transpose(1, 2);
    }

    private static Tensor mlp(Tensor x, SlotWeights weights) {
        Tensor gate = torch.silu(weights.project(LayerTensor.GATE, x));
        return weights.project(LayerTensor.DOWN, gate.mul(weights.project(LayerTensor.UP, x)));
    }

    /** Root-mean-square norm over the last dimension. */
    static Tensor norm(ModelConfig config, Tensor x, Tensor weight) {
        return torch.rms_norm(
                x,
                new long[] {config.hiddenSize()},
                new TensorOptional(weight),
                new DoubleOptional(config.rmsNormEps()));
    }
}
