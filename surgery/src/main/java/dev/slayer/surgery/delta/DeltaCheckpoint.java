package dev.slayer.surgery.delta;

import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.CheckpointException;
import dev.slayer.surgery.checkpoint.Float32Source;
import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.Tensor;
import dev.slayer.surgery.checkpoint.TensorNames;
import dev.slayer.surgery.layout.Ends;
import dev.slayer.surgery.recipe.LayerSource;
import dev.slayer.surgery.recipe.LowRank;
import dev.slayer.surgery.recipe.RecipeTensors;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** A delta over its base, as a checkpoint. Tensors with factors are computed when they are asked for, and not kept. */
final class DeltaCheckpoint implements Checkpoint {
    private final Delta delta;
    private final LayerSource sources;

    DeltaCheckpoint(Delta delta, LayerSource sources) {
        this.delta = delta;
        this.sources = sources;
    }

    @Override
    public Path directory() {
        return delta.directory();
    }

    @Override
    public ModelConfig config() {
        return delta.config();
    }

    /** Computed ones lie in memory that goes with the last reference to it. */
    @Override
    public Tensor tensor(String name) {
        return switch (source(name)) {
            case Tensor asItIs -> asItIs;
            case Float32Source computed -> RecipeTensors.copy(name, computed, computed.dtype(), Arena.ofAuto());
        };
    }

    @Override
    public Float32Source source(String name) {
        if (delta.trains(name)) {
            return delta.tensor(name);
        }
        Ends ends = delta.layout().ends();
        return switch (DeltaTensor.of(name).orElse(null)) {
            case DeltaTensor.Whole(int slot, LayerTensor tensor)
            when slot < delta.layout().depth() -> slot(slot, tensor);
            case DeltaTensor.End(String end) ->
                switch (end) {
                    case TensorNames.EMBEDDING -> of(ends.embedding(), end);
                    case TensorNames.FINAL_NORM -> of(ends.norm(), end);
                    default -> head(ends);
                };
            case null, default -> throw new CheckpointException(directory(), "has no tensor '" + name + "'");
        };
    }

    private Float32Source of(String checkpoint, String name) {
        return sources.checkpoint(checkpoint).source(name);
    }

    private Float32Source head(Ends ends) {
        Checkpoint from = sources.checkpoint(ends.headOf(config()));
        return from.source(TensorNames.head(from.config()));
    }

    private Float32Source slot(int slot, LayerTensor tensor) {
        Float32Source base = RecipeTensors.read(delta.layout().slots().get(slot).recipe(), tensor, sources);
        String down = DeltaTensor.Role.DOWN.name(slot, tensor);
        if (!delta.trains(down)) {
            return base;
        }
        String diagonal = DeltaTensor.Role.DIAGONAL.name(slot, tensor);
        Tensor a = delta.tensor(down);
        LowRank change = new LowRank(
                a,
                delta.tensor(DeltaTensor.Role.UP.name(slot, tensor)),
                delta.trains(diagonal) ? Optional.of(delta.tensor(diagonal)) : Optional.empty(),
                delta.info()
                        .scale()
                        .orElseThrow()
                        .factor(Math.toIntExact(a.shape().getFirst())));
        return change.addTo(base, sources.checkpoint("").source(tensor.name(0)).dtype());
    }

    @Override
    public Set<String> names() {
        return TensorNames.needed(config()).keySet();
    }

    @Override
    public List<String> extras() {
        return List.of();
    }

    /** A delta has no file of a model beside its weights. */
    @Override
    public Optional<Path> file(String name) {
        return Optional.empty();
    }

    @Override
    public long bytes() {
        return delta.bytes();
    }

    @Override
    public void verifyUnchanged() {
        delta.verifyUnchanged();
    }

    @Override
    public void close() {}
}
