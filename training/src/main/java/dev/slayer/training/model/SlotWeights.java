package dev.slayer.training.model;

import dev.slayer.surgery.checkpoint.LayerTensor;
import org.bytedeco.pytorch.Tensor;

/** The weights of a slot in use: frozen, trained, or frozen with an addition that is trained. */
interface SlotWeights {
    /** The weight of a norm: [hidden]. */
    Tensor norm(LayerTensor tensor);

    /**
     * Multiplies with a matrix.
     *
     * @param x [..., in]
     * @return [..., out]
     */
    Tensor project(LayerTensor tensor, Tensor x);

    /**
     * What an adapter makes of a sublayer's output; the output itself where there is none.
     *
     * @param attention of the attention, or of the MLP
     * @param y [..., hidden]
     */
    Tensor adapt(boolean attention, Tensor y);
}
