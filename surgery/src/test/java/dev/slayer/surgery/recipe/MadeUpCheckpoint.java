package dev.slayer.surgery.recipe;

import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.DType;
import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.RopeConfig;
import dev.slayer.surgery.checkpoint.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;

/** Layers in memory, with numbers that a test chooses. */
record MadeUpCheckpoint(ModelConfig config, Map<String, Tensor> tensors) implements Checkpoint {
    /** Layers of random numbers in which every matrix is [hidden, hidden]. */
    static MadeUpCheckpoint random(long seed, DType dtype, int layers, int hidden) {
        ModelConfig config = new ModelConfig(
                "LlamaForCausalLM",
                hidden,
                layers,
                1,
                1,
                hidden,
                hidden,
                16,
                64,
                1e-5f,
                new RopeConfig(10000, new RopeConfig.Scaling.None()),
                OptionalInt.empty(),
                false,
                OptionalInt.empty(),
                Set.of());
        MadeUpCheckpoint checkpoint = new MadeUpCheckpoint(config, new HashMap<>());
        Random random = new Random(seed);
        for (int layer = 0; layer < layers; layer++) {
            for (LayerTensor tensor : LayerTensor.values()) {
                int elements = Math.toIntExact(tensor.shape(config).stream().reduce(1L, Math::multiplyExact));
                float[] values = new float[elements];
                for (int i = 0; i < elements; i++) {
                    values[i] = (float) random.nextGaussian();
                }
                checkpoint.put(tensor, layer, dtype, values);
            }
        }
        return checkpoint;
    }

    /** Puts numbers in a tensor's place. */
    MadeUpCheckpoint put(LayerTensor tensor, int layer, DType dtype, float... values) {
        MemorySegment data = Arena.ofAuto().allocate((long) values.length * dtype.bytes(), 8);
        Rounding.write(values, values.length, dtype, data, 0);
        List<Long> shape = tensor.shape(config).size() == 1 ? List.of((long) values.length) : tensor.shape(config);
        tensors.put(tensor.name(layer), new Tensor(tensor.name(layer), dtype, shape, data));
        return this;
    }

    float[] values(LayerTensor tensor, int layer) {
        return floats(tensor(tensor.name(layer)));
    }

    static float[] floats(Tensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.elements())];
        tensor.toFloat32(0, MemorySegment.ofArray(values));
        return values;
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
