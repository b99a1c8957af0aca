package dev.slayer.server.engine.packed;

import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.DType;
import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;

/**
 * Layers in float32 whose numbers are awkward: a third of them are of a few values, so that differences are often equal, zeros of both
 * signs among them.
 */
record MadeUpLayers(ModelConfig config, Map<String, Tensor> tensors) implements Checkpoint {
    private static final float[] FEW = {0f, -0f, 0.5f, -0.5f, 1f, -1f, 0.25f, Float.MIN_VALUE};

    /** Layers of a given shape. */
    static MadeUpLayers of(ModelConfig config, long seed) {
        MadeUpLayers made = new MadeUpLayers(config, new HashMap<>());
        Random random = new Random(seed);
        for (int layer = 0; layer < config.layers(); layer++) {
            for (LayerTensor tensor : LayerTensor.values()) {
                int elements = Math.toIntExact(tensor.shape(config).stream().reduce(1L, Math::multiplyExact));
                MemorySegment data = Arena.ofAuto().allocate((long) elements * Float.BYTES, Float.BYTES);
                for (int i = 0; i < elements; i++) {
                    data.setAtIndex(
                            ValueLayout.JAVA_FLOAT,
                            i,
                            random.nextInt(3) == 0 ? FEW[random.nextInt(FEW.length)] : (float) random.nextGaussian());
                }
                String name = tensor.name(layer);
                made.tensors.put(name, new Tensor(name, DType.F32, tensor.shape(config), data));
            }
        }
        return made;
    }

    /** Changes one number. */
    void put(LayerTensor tensor, int layer, long entry, float value) {
        tensor(tensor.name(layer)).data().setAtIndex(ValueLayout.JAVA_FLOAT, entry, value);
    }

    @Override
    public Path directory() {
        return Path.of("made-up");
    }

    @Override
    public Tensor tensor(String name) {
        return Optional.ofNullable(tensors.get(name)).orElseThrow();
    }

    @Override
    public Set<String> names() {
        return tensors.keySet();
    }

    @Override
    public List<String> extras() {
        return List.of();
    }

    @Override
    public Optional<Path> file(String name) {
        return Optional.empty();
    }

    @Override
    public long bytes() {
        return 0;
    }

    @Override
    public void verifyUnchanged() {}

    @Override
    public void close() {}
}
