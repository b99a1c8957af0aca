package dev.slayer.surgery.recipe;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.DType;
import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.Tensor;
import dev.slayer.surgery.layout.LayerRef;
import dev.slayer.surgery.layout.Recipe;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The weights of a block, made from its recipe.
 *
 * <p>A tensor that is a layer's own is handed out as it is mapped, in that layer's element type and without a copy. All others are
 * computed in float32, tensor by tensor, and rounded once (to the nearest, ties to even) to the element type that this tensor has
 * in layer 0 of the base checkpoint. NaN and infinity behave as in any IEEE arithmetic.
 *
 * <p>Results do not depend on the number of threads. Large tensors are made by all threads of the common pool, or of the pool that
 * calls, if the arena may be used by several threads; in a confined arena by the calling thread alone.
 */
public final class RecipeTensors {
    private final LayerTensor tensor;
    private final LayerSource sources;
    private final Arena arena;
    private final float scale;

    private RecipeTensors(LayerTensor tensor, LayerSource sources, Arena arena, float scale) {
        this.tensor = tensor;
        this.sources = sources;
        this.arena = arena;
        this.scale = scale;
    }

    /**
     * A tensor of the block of a recipe.
     *
     * @param sources their checkpoints must stay open while the result is used
     * @param arena where computed tensors are allocated
     * @throws SlayerException if a checkpoint or layer does not exist, shapes differ, or the recipe's numbers make no sense
     */
    public static Tensor make(Recipe recipe, LayerTensor tensor, LayerSource sources, Arena arena) {
        return make(recipe, tensor, 1, sources, arena);
    }

    /**
     * The same, times a factor: what a gate's scale does, folded into the last matrix of a sublayer. A factor of 0 gives zeros,
     * whatever the weights are. A power of two changes no digit and keeps the element type; with any other factor the product is
     * float32, since rounding it to 16 bits would make another model of it.
     *
     * @param scale finite
     */
    public static Tensor make(Recipe recipe, LayerTensor tensor, float scale, LayerSource sources, Arena arena) {
        return new RecipeTensors(tensor, sources, arena, scale).make(recipe);
    }

    /** The element type that {@link #make} would give, without the work. */
    public static DType type(Recipe recipe, LayerTensor tensor, float scale, LayerSource sources) {
        RecipeTensors tensors = new RecipeTensors(tensor, sources, Arena.global(), scale);
        return switch (recipe) {
            case Recipe.Plain(LayerRef layer)
            when scale == 1 -> tensors.source(layer).dtype();
            case Recipe.Zero(LayerRef layer)
            when scale == 1 && !tensor.endsSublayer() -> tensors.source(layer).dtype();
            default -> scale == 0 || tensors.scaleIsExact() ? tensors.home().dtype() : DType.F32;
        };
    }

    private boolean scaleIsExact() {
        return Math.abs(scale) == Math.scalb(1f, Math.getExponent(scale));
    }

    private Tensor make(Recipe recipe) {
        String name = recipe.text() + "." + tensor.suffix();
        if (scale == 0 || (recipe.silent() && tensor.endsSublayer())) {
            return zeros(name);
        }
        if (!scaleIsExact()) {
            Tensor unscaled = make(recipe, tensor, sources, arena);
            return compute(name, List.of(unscaled), Merge.copy(), DType.F32);
        }
        return switch (recipe) {
            case Recipe.Plain(LayerRef layer) -> asItIs(name, layer);
            case Recipe.Zero(LayerRef layer) -> asItIs(name, layer);
            case Recipe.Average average -> compute(name, inputs(average), Merge.mean());
            case Recipe.AverageZero average -> compute(name, inputs(average), Merge.mean());
            case Recipe.Lerp lerp -> compute(name, inputs(lerp), Arc.straight(lerp.t()));
            case Recipe.Slerp slerp -> {
                List<Tensor> inputs = inputs(slerp);
                yield compute(name, inputs, Arc.between(new Parts(inputs), slerp.t()));
            }
            case Recipe.Linear linear -> compute(name, inputs(linear), Merge.linear(weights(linear.donors())));
            case Recipe.Task task -> compute(name, inputs(task), Merge.task(weights(task.donors())));
            case Recipe.Ties ties -> {
                List<Tensor> inputs = inputs(ties);
                yield compute(name, inputs, Election.merge(ties.donors(), inputs));
            }
            case Recipe.Dare dare -> compute(name, inputs(dare), Dropout.merge(dare, tensor));
        };
    }

    private Tensor asItIs(String name, LayerRef layer) {
        Tensor source = source(layer);
        return scale == 1 ? source : compute(name, List.of(source), Merge.copy());
    }

    private Tensor compute(String name, List<Tensor> inputs, Merge merge) {
        return compute(name, inputs, merge, home().dtype());
    }

    private Tensor compute(String name, List<Tensor> inputs, Merge merge, DType dtype) {
        Parts parts = new Parts(inputs);
        MemorySegment out = arena.allocate(parts.elements() * dtype.bytes(), Float.BYTES);
        Merge whole = scale == 1 ? merge : merge.times(scale);
        boolean parallel = out.isAccessibleBy(Thread.ofVirtual().unstarted(() -> {}));
        (parallel ? parts.all() : parts.all().sequential()).forEach(part -> {
            float[] merged = new float[Parts.PIECE];
            parts.read(part, (first, values, count) -> {
                whole.apply(first, values, count, merged);
                Rounding.write(merged, count, dtype, out, first);
            });
        });
        return new Tensor(name, dtype, home().shape(), out.asReadOnly());
    }

    private Tensor zeros(String name) {
        Tensor shape = home();
        MemorySegment zeros = arena.allocate(shape.data().byteSize(), Float.BYTES);
        return new Tensor(name, shape.dtype(), shape.shape(), zeros.asReadOnly());
    }

    /** This tensor in layer 0 of the base, whose shape and element type a computed one takes. */
    private Tensor home() {
        return sources.checkpoint("").tensor(tensor.name(0));
    }

    private List<Tensor> inputs(Recipe recipe) {
        List<Tensor> inputs = new ArrayList<>();
        for (LayerRef layer : recipe.layers()) {
            inputs.add(source(layer));
        }
        return inputs;
    }

    private Tensor source(LayerRef layer) {
        Checkpoint checkpoint = sources.checkpoint(layer.checkpoint());
        int layers = checkpoint.config().layers();
        if (layer.layer() >= layers) {
            throw SlayerException.badRequest(
                    "layers", "layer " + layer.text() + " does not exist; its checkpoint has 0-" + (layers - 1));
        }
        Tensor source = checkpoint.tensor(tensor.name(layer.layer()));
        List<Long> needed = home().shape();
        if (!source.shape().equals(needed)) {
            throw SlayerException.badRequest(
                    "layers",
                    "layer " + layer.text() + " has a " + tensor.suffix() + " of shape " + source.shape()
                            + ", but the base's have " + needed + "; only checkpoints of the same shape can be merged");
        }
        return source;
    }

    private static float[] weights(List<Recipe.Donor> donors) {
        float[] weights = new float[donors.size()];
        for (int donor = 0; donor < weights.length; donor++) {
            weights[donor] = donors.get(donor).weight().floatValue();
        }
        return weights;
    }
}
