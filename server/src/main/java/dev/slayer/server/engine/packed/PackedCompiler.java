package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.Accelerator;
import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.server.engine.block.Part;
import dev.slayer.server.engine.block.PartCompiler;
import dev.slayer.server.engine.block.Quantizer;
import dev.slayer.server.engine.block.StackedRows;
import dev.slayer.server.engine.block.WeightType;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.DType;
import dev.slayer.surgery.checkpoint.Float32Source;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.Tensor;
import dev.slayer.surgery.checkpoint.TensorNames;
import dev.slayer.surgery.layout.Recipe;
import dev.slayer.surgery.recipe.LayerSource;
import dev.slayer.surgery.recipe.RecipeTensors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.Consumer;

/** Uploads weights: straight from the file's map where it holds them as the device does, otherwise converted on the way. Any thread. */
final class PackedCompiler implements PartCompiler {
    private final Accelerator accelerator;
    private final Uploads uploads;
    private final PackedOptions options;
    private final SessionTable sessions;
    private final DeviceRecipes recipes;
    private final Optional<Calibration> calibration;

    /** Sessions by what they are for. */
    @FunctionalInterface
    interface SessionTable {
        PackedSessions of(ModelConfig config, WeightType type);
    }

    /**
     * @param recipes what of them is computed on the device
     * @param calibration where blocks have scales of keys and values
     */
    PackedCompiler(
            Accelerator accelerator,
            Uploads uploads,
            PackedOptions options,
            SessionTable sessions,
            DeviceRecipes recipes,
            Optional<Calibration> calibration) {
        this.accelerator = accelerator;
        this.uploads = uploads;
        this.options = options;
        this.sessions = sessions;
        this.recipes = recipes;
        this.calibration = calibration;
    }

    /** The weights of a part while it is put together; lets go of them if that fails. */
    private final class Assembly {
        final List<BoundWeight> weights = new ArrayList<>();
        final List<Uploads.Hold> holds = new ArrayList<>();

        void add(String name, ElementType type, List<Long> shape, Uploads.Hold hold) {
            holds.add(hold);
            weights.add(new BoundWeight(name, type, shape, hold.data()));
        }

        void plain(String name, List<Float32Source> parts) {
            add(name, options.type(), stacked(parts), uploaded(parts));
        }

        /** A matrix, in the weight type asked for. */
        void matrix(String name, WeightType type, List<Float32Source> parts) {
            switch (type) {
                case FP32, BF16, FP16 -> plain(name + "_weight", parts);
                case INT8, INT4 -> quantized(name, new Quantizer(type.bits()), parts);
            }
        }

        private void quantized(String name, Quantizer quantizer, List<Float32Source> parts) {
            StackedRows rows = new StackedRows(parts);
            long blocks = quantizer.blocks(rows.columns());
            long count = rows.count();
            try (Arena arena = Arena.ofShared()) {
                MemorySegment values = arena.allocate(count * blocks * quantizer.blockBytes(), 64);
                MemorySegment scales = arena.allocate(count * blocks * Float.BYTES, 64);
                quantizer.quantize(rows, values, scales);
                MemorySegment narrow = Narrow.floats(scales, options.type(), arena);
                add(
                        name + "_values",
                        ElementType.UINT8,
                        List.of(count, blocks, (long) quantizer.blockBytes()),
                        uploads.alone(values.byteSize(), target -> accelerator.fill(values, target)));
                add(
                        name + "_scales",
                        options.type(),
                        List.of(count, blocks),
                        uploads.alone(narrow.byteSize(), target -> accelerator.fill(narrow, target)));
            }
        }

        void scales(String name, ModelConfig config, float[] scales) {
            try (Arena arena = Arena.ofShared()) {
                MemorySegment data = arena.allocateFrom(ValueLayout.JAVA_FLOAT, scales);
                add(
                        name,
                        ElementType.FLOAT,
                        List.of((long) config.kvHeads(), 1L, (long) config.headDim()),
                        uploads.alone(data.byteSize(), target -> accelerator.fill(data, target)));
            }
        }

        void letGo() {
            holds.forEach(Uploads.Hold::close);
        }
    }

    private static List<Long> stacked(List<Float32Source> parts) {
        List<Long> shape = new ArrayList<>(parts.getFirst().shape());
        shape.set(0, parts.stream().mapToLong(part -> part.shape().getFirst()).sum());
        return shape;
    }

    private Part assembled(Consumer<Assembly> fill, PartOf part) {
        Assembly assembly = new Assembly();
        try {
            fill.accept(assembly);
            return part.of(assembly.weights, assembly.holds);
        } catch (RuntimeException | Error e) {
            assembly.letGo();
            throw e;
        }
    }

    @FunctionalInterface
    private interface PartOf {
        Part of(List<BoundWeight> weights, List<Uploads.Hold> holds);
    }

    @Override
    public Part block(ModelConfig config, WeightType type, Recipe recipe, LayerSource sources, Executor other) {
        return assembled(
                assembly -> {
                    for (Role role : Role.values()) {
                        add(assembly, role, type, recipe, sources);
                    }
                    calibration.ifPresent(found -> {
                        KvRanges ranges = found.ranges(config, type, assembly.weights, recipe, sources);
                        assembly.scales(PackedGraphs.KEY_SCALE, config, ranges.keyScales());
                        assembly.scales(PackedGraphs.VALUE_SCALE, config, ranges.valueScales());
                    });
                },
                (weights, holds) -> new PackedBlock(sessions.of(config, type), weights, holds));
    }

    private void add(Assembly assembly, Role role, WeightType type, Recipe recipe, LayerSource sources) {
        boolean quantized = role.matrix() && (type == WeightType.INT8 || type == WeightType.INT4);
        if (!quantized) {
            Optional<Uploads.Hold> made = recipes.make(recipe, role, sources, this::uploaded);
            if (made.isPresent()) {
                assembly.add(
                        role.input(),
                        options.type(),
                        role.shape(sources.checkpoint("").config()),
                        made.get());
                return;
            }
        }
        List<Float32Source> parts = role.tensors().stream()
                .map(tensor -> RecipeTensors.read(recipe, tensor, sources))
                .toList();
        if (role.matrix()) {
            assembly.matrix(role.product(), type, parts);
        } else {
            assembly.plain(role.input(), parts);
        }
    }

    @Override
    public Part head(ModelConfig config, WeightType type, Float32Source norm, Float32Source head) {
        return assembled(
                assembly -> {
                    assembly.plain("final_norm", List.of(norm));
                    assembly.matrix(PackedGraphs.headProduct(options.type()), type, List.of(head));
                },
                (weights, holds) -> PackedHeadWeights.of(sessions.of(config, type), weights, holds));
    }

    @Override
    public Part embedding(ModelConfig config, WeightType type, Checkpoint checkpoint) {
        return assembled(
                assembly -> assembly.plain("embedding", List.of(checkpoint.source(TensorNames.EMBEDDING))),
                (weights, holds) ->
                        PackedEmbedding.of(sessions.of(config, type).embed.bind(), weights, holds));
    }

    /** Matrices or vectors below one another, in the device's type; shared where they are tensors of a file. */
    private Uploads.Hold uploaded(List<Float32Source> parts) {
        long bytes = parts.stream().mapToLong(Float32Source::elements).sum()
                * options.type().bytes();
        Consumer<DeviceSlice> fill = target -> fill(parts, target);
        if (parts.stream().allMatch(Tensor.class::isInstance)) {
            List<Long> addresses =
                    parts.stream().map(part -> ((Tensor) part).data().address()).toList();
            return uploads.shared(addresses, bytes, fill);
        }
        return uploads.alone(bytes, fill);
    }

    private void fill(List<Float32Source> parts, DeviceSlice target) {
        DType wanted = Narrow.dtype(options.type());
        long at = 0;
        for (Float32Source part : parts) {
            long bytes = part.elements() * wanted.bytes();
            try (Arena arena = Arena.ofShared()) {
                MemorySegment data = part instanceof Tensor tensor && tensor.dtype() == wanted
                        ? tensor.data()
                        : RecipeTensors.copy("upload", part, wanted, arena).data();
                accelerator.fill(data, target.slice(at, bytes));
            } catch (InternalError e) {
                // How the JVM reports that a mapped page is gone.
                throw SlayerException.internal(
                        "a tensor cannot be read: its file became shorter while the checkpoint was open", e);
            }
            at += bytes;
        }
    }
}
