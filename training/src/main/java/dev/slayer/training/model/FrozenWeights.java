package dev.slayer.training.model;

import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.TensorNames;
import dev.slayer.surgery.layout.Ends;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Recipe;
import dev.slayer.surgery.recipe.LayerSource;
import dev.slayer.surgery.recipe.RecipeTensors;
import dev.slayer.training.torch.Placement;
import dev.slayer.training.torch.Tensors;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;

/**
 * The weights that a layout gives a model before training. On the CPU, layers taken as they are stay in the mapped checkpoint where
 * their element type allows it; on a device each is uploaded once. Derived ones are computed once and shared by all slots of their recipe. The training thread only.
 */
final class FrozenWeights implements AutoCloseable {
    private final Checkpoint base;
    private final Layout layout;
    private final LayerSource sources;
    private final Placement placement;
    private final boolean converted;
    private final Arena arena = Arena.ofShared();
    private final Map<Key, Tensor> made = new HashMap<>();

    private record Key(Recipe recipe, LayerTensor tensor, String name) {}

    /**
     * @param converted whether weights are brought to the computation's element type once, rather than at each use
     */
    FrozenWeights(Checkpoint base, Layout layout, LayerSource sources, Placement placement, boolean converted) {
        this.base = base;
        this.layout = layout;
        this.sources = sources;
        this.placement = placement;
        this.converted = converted;
    }

    /** A weight of a slot, in the computation's or in the checkpoint's element type; belongs to this object. */
    Tensor slot(int slot, LayerTensor tensor) {
        Recipe recipe = layout.slots().get(slot).recipe();
        return made.computeIfAbsent(new Key(recipe, tensor, ""), _ -> made(recipe, tensor));
    }

    /** Of a derived layer that goes to a device, nothing stays in this memory. */
    private Tensor made(Recipe recipe, LayerTensor tensor) {
        if (!placement.cuda()) {
            return placed(RecipeTensors.make(recipe, tensor, sources, arena));
        }
        try (Arena passing = Arena.ofShared()) {
            return placed(RecipeTensors.make(recipe, tensor, sources, passing));
        }
    }

    /**
     * The weight of a slot as a parameter begins with it: for the scope that it is asked in, so that nothing is kept of what is trained.
     * Derived ones stay in the arena.
     */
    Tensor first(int slot, LayerTensor tensor) {
        return Tensors.view(RecipeTensors.make(layout.slots().get(slot).recipe(), tensor, sources, arena));
    }

    /** Embedding, final norm or head, likewise, by its name. */
    Tensor first(String name) {
        Ends ends = layout.ends();
        return switch (name) {
            case TensorNames.EMBEDDING -> Tensors.view(home(ends.embedding()).tensor(name));
            case TensorNames.FINAL_NORM -> Tensors.view(home(ends.norm()).tensor(name));
            default -> Tensors.view(home(ends.headOf(base.config())).tensor(TensorNames.head(base.config())));
        };
    }

    private Checkpoint home(String checkpoint) {
        return checkpoint.isEmpty() ? base : sources.checkpoint(checkpoint);
    }

    /** The embedding: [vocabulary, hidden]. */
    Tensor embedding() {
        return end(layout.ends().embedding(), TensorNames.EMBEDDING);
    }

    /** The final norm: [hidden]. */
    Tensor norm() {
        return end(layout.ends().norm(), TensorNames.FINAL_NORM);
    }

    /** The language-model head: [vocabulary, hidden]; the embedding where the two are tied. */
    Tensor head() {
        return end(layout.ends().headOf(base.config()), TensorNames.head(base.config()));
    }

    private Tensor end(String checkpoint, String name) {
        return made.computeIfAbsent(
                new Key(null, null, name), _ -> placed(home(checkpoint).tensor(name)));
    }

    /** What a model computes with, made of what lies in the checkpoint; outlives the scope that it is made in. */
    private Tensor placed(dev.slayer.surgery.checkpoint.Tensor source) {
        Tensor placed;
        try (Tensor view = Tensors.view(source)) {
            placed = placement.place(view, converted ? placement.computation() : view.scalar_type());
        }
        if (PointerScope.getInnerScope() != null) {
            var _ = placed.retainReference();
        }
        return placed;
    }

    @Override
    public void close() {
        made.values().forEach(Tensor::close);
        made.clear();
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
