package dev.slayer.training.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PlacementTest {
    /** What makes a tensor of nothing, on the CPU unless it is told otherwise. */
    private static final Pattern MAKES =
            Pattern.compile("torch\\.(zeros|ones|empty|full|rand|randn|eye|arange|from_blob|tensor|scalar_tensor)\\(");

    @BeforeAll
    static void start() {
        LibTorch.start(1);
    }

    @Test
    void whereLibtorchHasNoCudaThatIsSaid() {
        assumeThat(LibTorch.builtForCuda())
                .as("this build has the natives of the profile gpu")
                .isFalse();
        assertThatThrownBy(() -> Placement.of("cuda", "bfloat16", 0, 1))
                .isInstanceOfSatisfying(SlayerException.class, refused -> {
                    assertThat(refused.status()).isEqualTo(400);
                    assertThat(refused.getMessage()).contains("device=cuda", "has no CUDA", "Maven profile gpu");
                });
    }

    @Test
    void whereThereIsNoDeviceThatIsSaid() {
        assumeThat(LibTorch.builtForCuda() && !torch.cuda_is_available())
                .as("this needs the natives of the profile gpu on a machine without a GPU")
                .isTrue();
        assertThatThrownBy(() -> Placement.of("cuda:0", "bfloat16", 0, 1)).hasMessageContaining("no CUDA device");
    }

    @Test
    void oneNamedDeviceIsNotForSeveralProcesses() {
        assertThatThrownBy(() -> Placement.of("cuda:1", "bfloat16", 0, 2)).hasMessageContaining("2 processes");
    }

    @Test
    void theCpuComputesInWhatItIsTold() {
        assertThat(Placement.of("cpu", "float32", 1, 2)).isEqualTo(Placement.CPU);
        Placement narrow = Placement.of("cpu", "bfloat16", 0, 1);
        assertThat(narrow.narrow()).isTrue();
        try (PointerScope _ = new PointerScope()) {
            assertThat(narrow.computing(narrow.zeros(2)).scalar_type().intern()).isEqualTo(ScalarType.BFloat16);
            assertThat(narrow.zeros(2).scalar_type().intern()).isEqualTo(ScalarType.Float);
            assertThat(narrow.matrixRate()).isPositive();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"cpu", "meta"})
    void whatItMakesLiesThere(String device) {
        Placement placement = new Placement(device, ScalarType.Float);
        try (PointerScope _ = new PointerScope()) {
            for (Tensor made : List.of(
                    placement.zeros(2, 3),
                    placement.ones(2),
                    placement.identity(2),
                    placement.of(new long[] {1}, 1),
                    placement.of(new float[] {1}, 1),
                    placement.of(new double[] {1}))) {
                assertThat(made.device().str().getString()).isEqualTo(device);
            }
        }
    }

    @Test
    void onlyThisPackageMakesTensors() throws IOException {
        Path sources = Path.of(System.getProperty("slayer.root"), "training/src/main/java/dev/slayer/training");
        try (Stream<Path> files = Files.walk(sources)) {
            List<Path> others = files.filter(file -> file.toString().endsWith(".java"))
                    .filter(file -> !file.startsWith(sources.resolve("torch")))
                    .toList();
            assertThat(others).hasSizeGreaterThan(50);
            for (Path file : others) {
                String text = Files.readString(file);
                assertThat(MAKES.matcher(text).results().map(found -> found.group()))
                        .as(file.toString())
                        .isEmpty();
                assertThat(text.contains("Tensors.of("))
                        .as(file + " makes tensors on the CPU")
                        .isFalse();
            }
        }
    }
}
