package dev.slayer.server.engine.packed;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.slayer.server.accelerator.Accelerator;
import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.server.onnx.Binding;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.server.onnx.Session;
import dev.slayer.surgery.checkpoint.DType;
import dev.slayer.surgery.checkpoint.Float32Source;
import dev.slayer.surgery.checkpoint.Tensor;
import dev.slayer.surgery.layout.LayerRef;
import dev.slayer.surgery.layout.Recipe;
import dev.slayer.surgery.recipe.LayerSource;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * Averages, lines between two layers, weighted sums and silent copies on the device, from layers that lie there: the same numbers as
 * the host's, without the bus. One thread at a time, with a queue of its own, beside the engine's.
 */
final class QueuedRecipes implements DeviceRecipes, AutoCloseable {
    /** Entries put together at once: float32 parts of some tensors of a large model must find room beside everything else. */
    private static final long PIECE = 8L << 20;

    private final OnnxRuntime runtime;
    private final Accelerator queue;
    private final Uploads uploads;
    private final ElementType type;
    private final Map<Form, Session> sessions = new HashMap<>();

    /** What graphs depend on. */
    private record Form(int inputs, ElementType rounded) {}

    /** A sum of layers' tensors, each with its factor, divided. */
    private record Sum(List<LayerRef> layers, List<Float> factors, float divisor) {}

    /**
     * @param queue of its own; closed by it
     * @param type of weights on the device
     */
    QueuedRecipes(OnnxRuntime runtime, Accelerator queue, Uploads uploads, ElementType type) {
        this.runtime = runtime;
        this.queue = queue;
        this.uploads = uploads;
        this.type = type;
    }

    @Override
    public synchronized Optional<Uploads.Hold> make(
            Recipe recipe, Role role, LayerSource sources, Function<List<Float32Source>, Uploads.Hold> uploaded) {
        if (recipe.silent() && role.endsSublayer()) {
            long bytes =
                    role.shape(sources.checkpoint("").config()).stream().reduce(1L, Math::multiplyExact) * type.bytes();
            return Optional.of(uploads.alone(bytes, this::zero));
        }
        return sum(recipe).flatMap(sum -> make(sum, role, sources, uploaded));
    }

    /** Empty for recipes that look at whole tensors, or draw. */
    private static Optional<Sum> sum(Recipe recipe) {
        return switch (recipe) {
            case Recipe.Average(List<LayerRef> layers) -> Optional.of(mean(layers));
            case Recipe.AverageZero(List<LayerRef> layers) -> Optional.of(mean(layers));
            case Recipe.Lerp lerp ->
                Optional.of(new Sum(
                        lerp.layers(),
                        List.of(
                                BigDecimal.ONE.subtract(lerp.t()).floatValue(),
                                lerp.t().floatValue()),
                        1));
            case Recipe.Linear linear ->
                Optional.of(new Sum(
                        linear.layers(),
                        linear.donors().stream()
                                .map(donor -> donor.weight().floatValue())
                                .toList(),
                        1));
            case Recipe.Plain plain -> Optional.empty();
            case Recipe.Zero zero -> Optional.empty();
            case Recipe.Slerp slerp -> Optional.empty();
            case Recipe.Task task -> Optional.empty();
            case Recipe.Ties ties -> Optional.empty();
            case Recipe.Dare dare -> Optional.empty();
        };
    }

    private static Sum mean(List<LayerRef> layers) {
        return new Sum(layers, layers.stream().map(layer -> 1f).toList(), layers.size());
    }

    private Optional<Uploads.Hold> make(
            Sum sum, Role role, LayerSource sources, Function<List<Float32Source>, Uploads.Hold> uploaded) {
        DType home =
                sources.checkpoint("").source(role.tensors().getFirst().name(0)).dtype();
        List<Uploads.Hold> inputs = new ArrayList<>();
        try {
            for (LayerRef layer : sum.layers()) {
                List<Float32Source> parts = role.tensors().stream()
                        .map(tensor -> sources.checkpoint(layer.checkpoint()).source(tensor.name(layer.layer())))
                        .toList();
                if (!parts.stream().allMatch(part -> exact(part, home))) {
                    return Optional.empty();
                }
                inputs.add(uploaded.apply(parts));
            }
            long bytes = inputs.getFirst().data().bytes();
            return Optional.of(uploads.alone(bytes, target -> add(sum, inputs, home, target)));
        } finally {
            inputs.forEach(Uploads.Hold::close);
        }
    }

    /** Whether the device holds just the numbers that the host would compute with, and the result as the host would round it. */
    private boolean exact(Float32Source part, DType home) {
        DType here = Narrow.dtype(type);
        return part instanceof Tensor tensor && (here == DType.F32 || (tensor.dtype() == here && home == here));
    }

    private void add(Sum sum, List<Uploads.Hold> inputs, DType home, DeviceSlice target) {
        Session session = sessions.computeIfAbsent(
                new Form(inputs.size(), Narrow.element(home)),
                form -> runtime.session(RecipeGraph.of(form.inputs(), type, form.rounded()), queue.placement(), false));
        StepData numbers = new StepData(queue);
        try (numbers;
                Binding binding = session.bind()) {
            numbers.begin((inputs.size() + 1) * StepData.aligned(Float.BYTES));
            for (int i = 0; i < inputs.size(); i++) {
                bind(binding, numbers, "factor" + i, sum.factors().get(i));
            }
            bind(binding, numbers, "divisor", sum.divisor());
            numbers.send();
            for (long at = 0; at < target.bytes(); at += PIECE * type.bytes()) {
                long bytes = Math.min(PIECE * type.bytes(), target.bytes() - at);
                for (int i = 0; i < inputs.size(); i++) {
                    binding.input("in" + i, type, inputs.get(i).data().slice(at, bytes), bytes / type.bytes());
                }
                binding.output("out", type, target.slice(at, bytes), bytes / type.bytes());
                Queued.run(queue, binding);
            }
            queue.await();
        }
    }

    private static void bind(Binding binding, StepData numbers, String name, float value) {
        StepData.Region region = numbers.add(Float.BYTES);
        region.host().set(JAVA_FLOAT, 0, value);
        binding.input(name, ElementType.FLOAT, region.device(), 1);
    }

    private void zero(DeviceSlice target) {
        queue.zero(target);
        queue.await();
    }

    @Override
    public synchronized void close() {
        sessions.values().forEach(Session::close);
        sessions.clear();
        queue.close();
    }
}
