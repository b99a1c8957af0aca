package dev.slayer.training.model;

import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.TensorNames;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Slot;
import dev.slayer.surgery.recipe.LayerSource;
import dev.slayer.training.method.Method;
import dev.slayer.training.method.ParameterSpec;
import dev.slayer.training.method.TrainableParts;
import dev.slayer.training.torch.Placement;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * A model in training: a layout over a checkpoint, of which a {@link Method} trains some. Forward it computes what the server
 * computes for the same layout; backward it stops at the lowest slot that is trained.
 *
 * <p>One thread at a time, always the same: libtorch's modes belong to the thread.
 */
public final class TrainingModel implements AutoCloseable {
    private final ModelConfig config;
    private final Layout layout;
    private final Placement placement;
    private final FrozenWeights frozen;
    private final Parameters parameters;
    private final List<Trained> slots = new ArrayList<>();
    private final LossHead head;
    private final Dropout dropout;
    private final boolean embeddingTrained;
    /** Slots below this one are only passed forward; as many as there are if only the head is trained. */
    private final int lowest;

    private final boolean recompute;

    /**
     * How a model is computed.
     *
     * @param recompute keeps only each slot's input and computes the slot again on the way back: less memory, more time
     * @param seed of first values that are drawn
     * @param placement where, and in which element type
     */
    public record Options(boolean recompute, long seed, Placement placement) {
        /** In float32 on the CPU. */
        public Options(boolean recompute, long seed) {
            this(recompute, seed, Placement.CPU);
        }
    }

    /**
     * What a pass found.
     *
     * @param sum of the negative log-probabilities of all learned targets, in nats
     * @param learned how many
     * @param correct for how many of them the likeliest token was the target
     */
    public record Loss(double sum, long learned, long correct) {
        /** Loss of a token. */
        public double mean() {
            return sum / learned;
        }

        /** Share of the tokens that the model held for the likeliest. */
        public double accuracy() {
            return correct / (double) learned;
        }
    }

    /**
     * Sets a model up.
     *
     * @param base and all checkpoints of {@code sources} must stay open while the model is
     * @throws dev.slayer.surgery.SlayerException if the layout cannot be made of them
     * @throws IllegalArgumentException if the method names a slot that the layout does not have, or trains nothing
     */
    public TrainingModel(Checkpoint base, Layout layout, LayerSource sources, Method method, Options options) {
        this.config = base.config();
        this.layout = layout;
        this.recompute = options.recompute();
        method.slots().stream()
                .filter(slot -> slot < 0 || slot >= layout.depth())
                .forEach(slot -> {
                    throw new IllegalArgumentException("slot " + slot + " of " + layout.depth() + " cannot be trained");
                });
        this.placement = options.placement();
        parameters = new Parameters(TrainableParts.of(method, config), placement);
        frozen = new FrozenWeights(base, layout, sources, placement, !recompute || placement.narrow());
        embeddingTrained = parameters.has(TensorNames.EMBEDDING);
        lowest = embeddingTrained
                ? 0
                : method.slots().isEmpty() ? layout.depth() : method.slots().first();
        dropout = new Dropout(share(method), options.seed());
        try {
            for (int slot = 0; slot < layout.depth(); slot++) {
                slots.add(new Trained(slot, method, parameters, frozen, dropout));
            }
            head = new LossHead(config, parameters, frozen);
            Scoped.run(() -> initialize(options.seed()));
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    private static double share(Method method) {
        return switch (method) {
            case Method.LowRank lora -> lora.dropout();
            case Method.Adaptive adaptive -> adaptive.dropout();
            case Method.Weights _, Method.Adapters _ -> 0;
        };
    }

    private void initialize(long seed) {
        torch.manual_seed(seed);
        for (Parameters.Entry entry : parameters.entries()) {
            if (entry.spec().start() instanceof ParameterSpec.Start.Model) {
                try (NoGradGuard _ = new NoGradGuard()) {
                    var _ = entry.leaf().copy_(original(entry.spec().name()));
                }
            } else {
                Parameters.fill(entry.leaf(), entry.spec().start());
            }
        }
    }

    /** What the layout puts where a parameter stands. */
    private Tensor original(String name) {
        return switch (name) {
            case TensorNames.EMBEDDING, TensorNames.FINAL_NORM, TensorNames.HEAD -> frozen.first(name);
            default -> {
                for (int slot = 0; slot < layout.depth(); slot++) {
                    for (LayerTensor tensor : LayerTensor.values()) {
                        if (tensor.name(slot).equals(name)) {
                            yield frozen.first(slot, tensor);
                        }
                    }
                }
                throw new IllegalArgumentException("the model has no tensor " + name);
            }
        };
    }

    /** What is trained. */
    public Parameters parameters() {
        return parameters;
    }

    /** The layout. */
    public Layout layout() {
        return layout;
    }

    /** The lowest slot that the pass back reaches; the layout's depth if it reaches none. */
    public int lowestTrained() {
        return lowest;
    }

    /** The first pass of a run. */
    public Loss train(Rows rows, double divisor) {
        return train(rows, divisor, 0);
    }

    /**
     * Passes rows forward and back; adds to the gradients those of (sum of the losses of all learned targets) / divisor.
     *
     * @param divisor learned targets of the whole step, over all rows and processes
     * @param pass number of the pass in its run, which decides what dropout leaves out
     */
    public Loss train(Rows rows, double divisor, long pass) {
        double[] sums = new double[2];
        Scoped.run(() -> {
            dropout.begin(pass);
            List<Tensor> inputs = new ArrayList<>();
            Positions positions = new Positions(config, rows, placement);
            Tensor top = forward(rows, positions, inputs);
            Tensor gradient = lowest < layout.depth() ? torch.zeros_like(top) : null;
            Tensor losses = head.train(top, rows, divisor, gradient);
            if (gradient != null) {
                backward(rows, positions, top, gradient, inputs);
            }
            sums[0] = losses.select(0, 0).item_double(); // last: it waits for the device
            sums[1] = losses.select(0, 1).item_double();
        });
        return new Loss(sums[0], rows.learned(), (long) sums[1]);
    }

    /** The loss, and nothing else. */
    public Loss evaluate(Rows rows) {
        double sum = 0;
        LossHead.Scores scores = scores(rows);
        for (float logProbability : scores.logProbabilities()) {
            sum -= logProbability;
        }
        return new Loss(sum, rows.learned(), scores.correct());
    }

    /** Log-probabilities of the learned targets, in the order of the rows. */
    public float[] logProbabilities(Rows rows) {
        return scores(rows).logProbabilities();
    }

    private LossHead.Scores scores(Rows rows) {
        dropout.end();
        LossHead.Scores[] result = new LossHead.Scores[1];
        Scoped.run(() -> {
            Tensor top = Scoped.frozen(() -> {
                Positions positions = new Positions(config, rows, placement);
                Tensor x = embed(rows);
                for (Trained slot : slots) {
                    Tensor in = x;
                    x = Scoped.keep(() -> block(slot, in, positions));
                }
                return x;
            });
            result[0] = head.scores(top, rows);
        });
        return result[0];
    }

    /**
     * The rows after the last slot. Where blocks are computed again on the way back, {@code inputs} gets the input of each slot
     * from the lowest trained one on, and autograd records nothing.
     */
    private Tensor forward(Rows rows, Positions positions, List<Tensor> inputs) {
        Tensor x = embeddingTrained && !recompute ? embed(rows) : Scoped.frozen(() -> embed(rows));
        for (Trained slot : slots) {
            Tensor in = x;
            if (slot.slot() < lowest || recompute) {
                if (slot.slot() >= lowest) {
                    inputs.add(in);
                }
                x = Scoped.frozen(() -> block(slot, in, positions));
            } else {
                x = Scoped.keep(() -> block(slot, in, positions));
            }
        }
        return x;
    }

    private void backward(Rows rows, Positions positions, Tensor top, Tensor gradient, List<Tensor> inputs) {
        if (!recompute) {
            backward(top, gradient);
            return;
        }
        Tensor incoming = gradient;
        for (int slot = layout.depth() - 1; slot >= lowest; slot--) {
            Tensor out = incoming;
            Trained trained = slots.get(slot);
            Tensor input = inputs.get(slot - lowest);
            boolean further = slot > lowest || embeddingTrained;
            incoming = Scoped.keep(() -> {
                Tensor leaf = input.detach().set_requires_grad(further);
                backward(block(trained, leaf, positions), out);
                return further ? leaf.grad().detach() : leaf;
            });
            input.close();
        }
        if (embeddingTrained) {
            backward(embed(rows), incoming);
        }
    }

    private static void backward(Tensor result, Tensor gradient) {
        result.backward(gradient, new BoolOptional(), false, new TensorArrayRefOptional());
    }

    /** [rows, length, hidden]. */
    private Tensor embed(Rows rows) {
        long[] ids = new long[rows.tokens().length];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = rows.tokens()[i];
        }
        Tensor tokens = placement.of(ids, rows.rows(), rows.length());
        Tensor table = embeddingTrained ? parameters.leaf(TensorNames.EMBEDDING) : frozen.embedding();
        return placement.computing(torch.embedding(table, tokens));
    }

    private Tensor block(Trained slot, Tensor x, Positions positions) {
        Slot described = layout.slots().get(slot.slot());
        dropout.slot(slot.slot());
        return DecoderBlock.forward(config, x, slot, described.gates(), positions);
    }

    /** Frees parameters and all weights that were made. */
    @Override
    public void close() {
        try (PointerScope _ = new PointerScope()) {
            frozen.close();
            parameters.close();
        }
    }
}
