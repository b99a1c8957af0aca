package dev.slayer.training.run;

import dev.slayer.surgery.checkpoint.DType;
import dev.slayer.surgery.checkpoint.Float32Source;
import dev.slayer.surgery.delta.DeltaInfo;
import dev.slayer.surgery.delta.DeltaWriter;
import dev.slayer.surgery.delta.LowRankScale;
import dev.slayer.surgery.delta.Provenance;
import dev.slayer.training.method.Method;
import dev.slayer.training.model.Parameters;
import dev.slayer.training.model.TrainingModel;
import dev.slayer.training.optimize.Optimizer;
import dev.slayer.training.torch.Tensors;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.TreeSet;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/** What a run has trained, as a delta. */
final class DeltaOf {
    private DeltaOf() {}

    /** A parameter's numbers, read where they lie. */
    private record Values(List<Long> shape, Tensor leaf) implements Float32Source {
        @Override
        public DType dtype() {
            return DType.F32;
        }

        @Override
        public long elements() {
            return leaf.numel();
        }

        @Override
        public void toFloat32(long from, MemorySegment target) {
            try (PointerScope _ = new PointerScope();
                    NoGradGuard _ = new NoGradGuard()) {
                Tensor local = leaf.view(-1)
                        .narrow(0, from, target.byteSize() / Float.BYTES)
                        .cpu();
                MemorySegment.copy(Tensors.memory(local), 0, target, 0, target.byteSize());
            }
        }
    }

    /**
     * Writes the delta of a run.
     *
     * @return empty for adapters, which no layout can hold
     */
    static Optional<Path> write(
            Path target,
            TrainingRecipe recipe,
            String text,
            RunInputs inputs,
            TrainingModel model,
            Method method,
            Optimizer optimizer,
            long tokens,
            String baseHash) {
        if (method instanceof Method.Adapters || Files.exists(target)) {
            return Files.exists(target) ? Optional.of(target) : Optional.empty();
        }
        List<DeltaWriter.Named> tensors = model.parameters().entries().stream()
                .map(entry -> new DeltaWriter.Named(entry.spec().name(), values(entry)))
                .toList();
        Provenance provenance = new Provenance(
                inputs.baseName(),
                baseHash,
                recipe.method().name(),
                recipe.data().sources().stream()
                        .map(source -> new Provenance.DataFile(source, OptionalLong.empty(), Optional.empty()))
                        .toList(),
                text,
                recipe.run().seed(),
                tokens,
                optimizer.steps(),
                Instant.now().truncatedTo(ChronoUnit.SECONDS),
                inputs.madeBy());
        DeltaInfo info = new DeltaInfo(model.layout().text(), new TreeSet<>(method.slots()), scale(method), provenance);
        new DeltaWriter(inputs.base().config(), inputs.others()).write(target, info, tensors, DType.F32);
        return Optional.of(target);
    }

    private static Optional<LowRankScale> scale(Method method) {
        return switch (method) {
            case Method.LowRank lora -> Optional.of(new LowRankScale(lora.alpha(), OptionalInt.of(lora.rank())));
            case Method.Adaptive lora -> Optional.of(new LowRankScale(lora.alpha(), OptionalInt.of(lora.rank())));
            case Method.Weights _, Method.Adapters _ -> Optional.empty();
        };
    }

    private static Values values(Parameters.Entry entry) {
        return new Values(entry.spec().shape(), entry.leaf());
    }
}
