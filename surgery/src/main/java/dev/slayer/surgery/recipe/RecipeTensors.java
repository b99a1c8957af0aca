package dev.slayer.surgery.recipe;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.DType;
import dev.slayer.surgery.checkpoint.Float32Source;
import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.Tensor;
import dev.slayer.surgery.layout.LayerRef;
import dev.slayer.surgery.layout.Recipe;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/**
 * The weights of a block, made from its recipe.
 *
 * <p>A tensor that is a layer's own and lies in a file is handed out as it is mapped, in that layer's element type and without a copy. All others are
 * computed in float32, tensor by tensor, and rounded once (to the nearest, ties to even) to the element type that this tensor has
 * in layer 0 of the base checkpoint. NaN and infinity behave as in any IEEE arithmetic.
 *
 * <p>Results do not depend on the number of threads. Large tensors are made by all threads of the common pool, or of the pool that
 * calls, if the arena may be used by several threads; in a confined arena by the calling thread alone.
 */
public final class RecipeTensors {
    private final LayerTensor tensor;
    private final LayerSource sources;
    private final float scale;

    private RecipeTensors(LayerTensor tensor, LayerSource sources, float scale) {
        this.tensor = tensor;
        this.sources = sources;
        this.scale = scale;
    }

    /**
     * A tensor of the block of a recipe, computed while it is read: the same numbers as {@link #make} gives, without memory for
     * them. What needs the whole tensor first (TIES, SLERP) is found out now.
     *
     * @param sources their checkpoints must stay open while the result is used
     * @throws SlayerException as {@link #make} does
     */
    public static Float32Source read(Recipe recipe, LayerTensor tensor, LayerSource sources) {
        return new RecipeTensors(tensor, sources, 1).source(recipe);
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
        return new RecipeTensors(tensor, sources, scale).make(recipe, arena);
    }

    /** The element type that {@link #make} would give, without the work. */
    public static DType type(Recipe recipe, LayerTensor tensor, float scale, LayerSource sources) {
        RecipeTensors tensors = new RecipeTensors(tensor, sources, scale);
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

    private Tensor make(Recipe recipe, Arena arena) {
        String name = recipe.text() + "." + tensor.suffix();
        if (!scaleIsExact() && scale != 0) {
            Tensor unscaled = make(recipe, tensor, sources, arena);
            return new Derived(List.of(unscaled), Merge.copy().times(scale), unscaled.shape(), DType.F32)
                    .compute(name, arena);
        }
        return switch (source(recipe)) {
            case Tensor asItIs -> asItIs;
            case Derived derived -> derived.compute(name, arena);
            case Float32Source other -> copy(name, other, other.dtype(), arena);
        };
    }

    /** Numbers that are only read so far, as a tensor in an element type, rounded to the nearest and of two equally near to the even one. */
    public static Tensor copy(String name, Float32Source source, DType dtype, Arena arena) {
        return new Derived(List.of(source), Merge.copy(), source.shape(), dtype).compute(name, arena);
    }

    private Float32Source source(Recipe recipe) {
        if (scale == 0 || (recipe.silent() && tensor.endsSublayer())) {
            return derived(List.of(home()), Merge.zero());
        }
        return switch (recipe) {
            case Recipe.Plain(LayerRef layer) -> asItIs(layer);
            case Recipe.Zero(LayerRef layer) -> asItIs(layer);
            case Recipe.Average average -> derived(inputs(average), Merge.mean());
            case Recipe.AverageZero average -> derived(inputs(average), Merge.mean());
            case Recipe.Lerp lerp ->
                derived(inputs(lerp), Arc.straight(lerp.t()).merge());
            case Recipe.Slerp slerp -> {
                List<Float32Source> inputs = inputs(slerp);
                yield derived(inputs, Arc.between(new Parts(inputs), slerp.t()).merge());
            }
            case Recipe.Linear linear -> derived(inputs(linear), Merge.linear(weights(linear.donors())));
            case Recipe.Task task -> derived(inputs(task), Merge.task(weights(task.donors())));
            case Recipe.Ties ties -> {
                List<Float32Source> inputs = inputs(ties);
                yield derived(inputs, Election.merge(ties.donors(), inputs));
            }
            case Recipe.Dare dare -> derived(inputs(dare), Dropout.merge(Dropout.of(dare, tensor)));
        };
    }

    private Float32Source asItIs(LayerRef layer) {
        Float32Source source = source(layer);
        return scale == 1 ? source : derived(List.of(source), Merge.copy());
    }

    private Derived derived(List<Float32Source> inputs, Merge merge) {
        return new Derived(
                inputs, scale == 1 || scale == 0 ? merge : merge.times(scale), home().shape(), home().dtype());
    }

    /** This tensor in layer 0 of the base, whose shape and element type a computed one takes. */
    private Float32Source home() {
        return sources.checkpoint("").source(tensor.name(0));
    }

    private List<Float32Source> inputs(Recipe recipe) {
        List<Float32Source> inputs = new ArrayList<>();
        for (LayerRef layer : recipe.layers()) {
            inputs.add(source(layer));
        }
        return inputs;
    }

    private Float32Source source(LayerRef layer) {
        Checkpoint checkpoint = sources.checkpoint(layer.checkpoint());
        int layers = checkpoint.config().layers();
        if (layer.layer() >= layers) {
            throw SlayerException.badRequest(
                    "layers", "layer " + layer.text() + " does not exist; its checkpoint has 0-" + (layers - 1));
        }
        Float32Source source = checkpoint.source(tensor.name(layer.layer()));
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
