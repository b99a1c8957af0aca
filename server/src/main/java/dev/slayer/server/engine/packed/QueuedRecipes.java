package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.Accelerator;
import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.surgery.checkpoint.DType;
import dev.slayer.surgery.checkpoint.Float32Source;
import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.Tensor;
import dev.slayer.surgery.layout.LayerRef;
import dev.slayer.surgery.layout.Recipe;
import dev.slayer.surgery.recipe.Arc;
import dev.slayer.surgery.recipe.Dropout;
import dev.slayer.surgery.recipe.LayerSource;
import dev.slayer.surgery.recipe.RecipeTensors;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Recipes on the device, from layers that lie there: the same numbers as the host's, bit for bit but for arcs, without the bus. One
 * thread at a time, with a queue of its own, beside the engine's.
 */
final class QueuedRecipes implements DeviceRecipes, AutoCloseable {
    /** Entries put together at once: float32 parts of some tensors of a large model must find room beside everything else. */
    static final int PIECE = 4 << 20;

    private final Accelerator queue;
    private final Uploads uploads;
    private final ElementType type;
    private final RecipeSteps steps;
    private final RecipeRoom room; // kept: to give memory back is to wait for all that the device does

    /** Finds out how a tensor is made; empty if it cannot be made here. */
    @FunctionalInterface
    private interface Way {
        Optional<QueuedMerge> of(QueuedTensor tensor, LayerTensor name);
    }

    /** One of the tensors that lie one below the other. */
    private record Making(QueuedTensor tensor, QueuedMerge merge, long at, long bytes) {
        void put(DeviceSlice all) {
            merge.put(tensor, all.slice(at, bytes));
        }
    }

    /**
     * @param queue of its own; closed by it
     * @param type of weights on the device
     * @param piece the most entries put together at once: a multiple of {@link QueuedTensor#SPAN}, and at most 2^24
     */
    QueuedRecipes(OnnxRuntime runtime, Accelerator queue, Uploads uploads, ElementType type, int piece) {
        this.queue = queue;
        this.uploads = uploads;
        this.type = type;
        this.steps = new RecipeSteps(runtime, queue, type);
        this.room = new RecipeRoom(queue, piece);
    }

    @Override
    public synchronized Optional<Uploads.Hold> make(
            Recipe recipe, Role role, LayerSource sources, Function<List<Float32Source>, Uploads.Hold> uploaded) {
        if (recipe.silent() && role.endsSublayer()) {
            long bytes =
                    role.shape(sources.checkpoint("").config()).stream().reduce(1L, Math::multiplyExact) * type.bytes();
            return Optional.of(uploads.alone(bytes, this::zero));
        }
        return way(recipe).flatMap(way -> make(recipe, way, role, sources, uploaded));
    }

    /** Empty for what is a layer's own. */
    private static Optional<Way> way(Recipe recipe) {
        return switch (recipe) {
            case Recipe.Average(List<LayerRef> layers) -> always(QueuedSum.mean(layers.size()));
            case Recipe.AverageZero(List<LayerRef> layers) -> always(QueuedSum.mean(layers.size()));
            case Recipe.Lerp lerp -> always(QueuedSum.of(Arc.straight(lerp.t())));
            case Recipe.Slerp slerp -> Optional.of((tensor, _) -> Optional.of(QueuedSum.alongArc(tensor, slerp.t())));
            case Recipe.Linear linear -> always(new QueuedSum(QueuedMerge.weights(linear.donors()), 1));
            case Recipe.Task task -> always(new QueuedTask(QueuedMerge.weights(task.donors())));
            case Recipe.Ties ties -> Optional.of((tensor, _) -> QueuedElection.of(tensor, ties.donors()));
            case Recipe.Dare dare -> Optional.of((_, name) -> Optional.of(new QueuedDropout(Dropout.of(dare, name))));
            case Recipe.Plain plain -> Optional.empty();
            case Recipe.Zero zero -> Optional.empty();
        };
    }

    private static Optional<Way> always(QueuedMerge merge) {
        return Optional.of((_, _) -> Optional.of(merge));
    }

    private Optional<Uploads.Hold> make(
            Recipe recipe,
            Way way,
            Role role,
            LayerSource sources,
            Function<List<Float32Source>, Uploads.Hold> uploaded) {
        List<Uploads.Hold> layers = new ArrayList<>();
        try {
            for (LayerRef layer : recipe.layers()) {
                List<Float32Source> parts = role.tensors().stream()
                        .map(tensor -> RecipeTensors.read(new Recipe.Plain(layer), tensor, sources))
                        .toList();
                if (!exact(parts, role, sources)) {
                    return Optional.empty();
                }
                layers.add(uploaded.apply(parts));
            }
            return put(
                    way, role, sources, layers.stream().map(Uploads.Hold::data).toList());
        } finally {
            layers.forEach(Uploads.Hold::close);
        }
    }

    /** Whether the device holds just the numbers that the host would compute with, and the result as the host would round it. */
    private boolean exact(List<Float32Source> parts, Role role, LayerSource sources) {
        DType here = Narrow.dtype(type);
        for (int i = 0; i < parts.size(); i++) {
            DType home = home(role.tensors().get(i), sources).dtype();
            if (!(parts.get(i) instanceof Tensor tensor)
                    || !(here == DType.F32 || (tensor.dtype() == here && home == here))) {
                return false;
            }
        }
        return true;
    }

    private static Float32Source home(LayerTensor tensor, LayerSource sources) {
        return sources.checkpoint("").source(tensor.name(0));
    }

    /** Makes the tensors of a role, one below the other. */
    private Optional<Uploads.Hold> put(Way way, Role role, LayerSource sources, List<DeviceSlice> layers) {
        List<Making> makings = new ArrayList<>();
        long from = 0;
        for (LayerTensor name : role.tensors()) {
            Float32Source home = home(name, sources);
            long at = from;
            long bytes = home.elements() * type.bytes();
            List<DeviceSlice> inputs =
                    layers.stream().map(layer -> layer.slice(at, bytes)).toList();
            QueuedTensor tensor = new QueuedTensor(steps, room, inputs, Narrow.element(home.dtype()));
            Optional<QueuedMerge> merge = way.of(tensor, name);
            if (merge.isEmpty()) {
                return Optional.empty();
            }
            makings.add(new Making(tensor, merge.get(), at, bytes));
            from += bytes;
        }
        return Optional.of(uploads.alone(from, target -> makings.forEach(making -> making.put(target))));
    }

    private void zero(DeviceSlice target) {
        queue.zero(target);
        queue.await();
    }

    @Override
    public synchronized void close() {
        steps.close();
        room.close();
        queue.close();
    }
}
