package dev.slayer.server.engine.packed;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.accelerator.DeviceMemory;
import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.server.accelerator.HostAccelerator;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.Float32Source;
import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.Tensor;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Namespace;
import dev.slayer.surgery.layout.Recipe;
import dev.slayer.surgery.recipe.LayerSource;
import dev.slayer.surgery.recipe.RecipeTensors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Weights that are put together on the device are the host's, bit for bit. */
class QueuedRecipesTest {
    @ParameterizedTest
    @ValueSource(
            strings = {"avg(5:6)", "avg(2:3:4)", "zero(7)", "avg0(7:8)", "lerp(1:2:0.3)", "linear(3*0.25:4*0.5:9*1.5)"})
    void theyEqualTheHosts(String text) {
        long bytes = DeviceMemory.liveBytes();
        int made = 0;
        try (OnnxRuntime runtime = OnnxRuntime.open(2);
                Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint("slayer-tiny"))) {
            HostAccelerator accelerator = new HostAccelerator(1L << 30);
            Uploads uploads = new Uploads(accelerator);
            LayerSource sources = name -> checkpoint;
            Recipe recipe = Layout.parse(text, checkpoint.config(), Namespace.BASE_ONLY)
                    .slots()
                    .getFirst()
                    .recipe();
            try (QueuedRecipes recipes = new QueuedRecipes(runtime, accelerator, uploads, ElementType.FLOAT)) {
                for (Role role : Role.values()) {
                    Optional<Uploads.Hold> hold =
                            recipes.make(recipe, role, sources, parts -> uploaded(uploads, parts));
                    if (hold.isPresent()) {
                        made++;
                        assertThat(floats(hold.get().data()))
                                .as("%s of %s", role, text)
                                .isEqualTo(expected(recipe, role, sources));
                        hold.get().close();
                    }
                }
            }
        }
        assertThat(made).isEqualTo(text.startsWith("zero") ? 2 : Role.values().length);
        assertThat(DeviceMemory.liveBytes()).isEqualTo(bytes);
    }

    private static Uploads.Hold uploaded(Uploads uploads, List<Float32Source> parts) {
        long bytes = parts.stream().mapToLong(Float32Source::elements).sum() * Float.BYTES;
        List<Long> key =
                parts.stream().map(part -> ((Tensor) part).data().address()).toList();
        return uploads.shared(key, bytes, target -> {
            long at = 0;
            for (Float32Source part : parts) {
                MemorySegment memory = segment(target.slice(at, part.elements() * Float.BYTES));
                part.toFloat32(0, memory);
                at += memory.byteSize();
            }
        });
    }

    private static MemorySegment segment(DeviceSlice slice) {
        return MemorySegment.ofAddress(slice.address()).reinterpret(slice.bytes());
    }

    private static int hash(MemorySegment floats) {
        return java.util.Arrays.hashCode(floats.toArray(ValueLayout.JAVA_INT));
    }

    private static int floats(DeviceSlice slice) {
        return hash(segment(slice));
    }

    private static int expected(Recipe recipe, Role role, LayerSource sources) {
        try (Arena arena = Arena.ofConfined()) {
            long elements = 0;
            for (LayerTensor tensor : role.tensors()) {
                elements += RecipeTensors.read(recipe, tensor, sources).elements();
            }
            MemorySegment all = arena.allocate(elements * Float.BYTES, 64);
            long at = 0;
            for (LayerTensor tensor : role.tensors()) {
                Float32Source source = RecipeTensors.read(recipe, tensor, sources);
                source.toFloat32(0, all.asSlice(at, source.elements() * Float.BYTES));
                at += source.elements() * Float.BYTES;
            }
            return hash(all);
        }
    }
}
