package dev.slayer.surgery.delta;

import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.CheckpointHash;
import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Namespace;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;

/** A base in test-data and what training it might leave. */
final class DeltaRig implements AutoCloseable {
    final Checkpoint base;

    DeltaRig(String name) {
        base = Checkpoint.open(Path.of(System.getProperty("slayer.root"), "test-data", name));
    }

    ModelConfig config() {
        return base.config();
    }

    DeltaInfo info(String layout, Set<Integer> slots) {
        return info(layout, slots, Optional.empty());
    }

    DeltaInfo info(String layout, Set<Integer> slots, Optional<LowRankScale> scale) {
        Provenance provenance = new Provenance(
                "base",
                CheckpointHash.of(base),
                scale.isPresent() ? "lora" : "cpt",
                List.of(
                        new Provenance.DataFile("math.jsonl", OptionalLong.of(123), Optional.of("ab".repeat(32))),
                        new Provenance.DataFile("code.jsonl.zst", OptionalLong.empty(), Optional.empty())),
                "steps: 3\n",
                42,
                3072,
                3,
                Instant.parse("2026-11-21T12:00:00Z"),
                "a test");
        return new DeltaInfo(layout, new TreeSet<>(slots), scale, provenance);
    }

    static LowRankScale alpha(double alpha) {
        return new LowRankScale(alpha, OptionalInt.empty());
    }

    /** All nine tensors of a slot. */
    List<DeltaWriter.Named> block(int slot) {
        List<DeltaWriter.Named> tensors = new ArrayList<>();
        for (LayerTensor tensor : LayerTensor.values()) {
            tensors.add(new DeltaWriter.Named(
                    tensor.name(slot), Random32.of(tensor.name(slot).hashCode(), tensor.shape(config()))));
        }
        return tensors;
    }

    /** A matrix's factors; the diagonal, too, if wanted. */
    List<DeltaWriter.Named> factors(int slot, LayerTensor tensor, long rank, boolean diagonal) {
        long out = tensor.shape(config()).getFirst();
        long in = tensor.shape(config()).getLast();
        List<DeltaWriter.Named> factors = new ArrayList<>();
        factors.add(named(DeltaTensor.Role.DOWN.name(slot, tensor), 1, rank, in));
        factors.add(named(DeltaTensor.Role.UP.name(slot, tensor), 2, out, rank));
        if (diagonal) {
            factors.add(named(DeltaTensor.Role.DIAGONAL.name(slot, tensor), 3, rank));
        }
        return factors;
    }

    static DeltaWriter.Named named(String name, long seed, Long... shape) {
        return new DeltaWriter.Named(name, Random32.of(seed, List.of(shape), 0.3f));
    }

    DeltaWriter writer() {
        return new DeltaWriter(config(), Namespace.BASE_ONLY);
    }

    Delta open(Path folder) {
        return Delta.open(folder, config(), Namespace.BASE_ONLY);
    }

    @Override
    public void close() {
        base.close();
    }
}
