package dev.slayer.server.accelerator.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slayer.server.accelerator.CudaLibrary;
import dev.slayer.server.accelerator.CudaStandIn;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Finding and loading real libraries that a C compiler made, with the stand-in for CUDA's runtime and its two devices. */
class CudaRuntimeTest {
    private static final String EMPTY = "int slayer_test_nothing(void) { return 0; }";

    @TempDir
    private Path root;

    @BeforeAll
    static void compiler() {
        assumeTrue(CudaStandIn.get().isPresent(), "no C compiler (cc, gcc or clang) makes libraries to load");
    }

    @Test
    void whatIsLoadedByPathIsFoundByNameAfterwards() throws IOException {
        Path nvidia = root.resolve("venv/lib/python3.12/site-packages/nvidia");
        Path cudart = Files.createDirectories(nvidia.resolve("cu13/lib")).resolve("libcudart.so.13");
        Files.copy(CudaStandIn.get().orElseThrow().library(), cudart);
        Path lt = CudaStandIn.build(nvidia.resolve("blas/lib/libcublasLt.so.13"), EMPTY);
        Path blas = CudaStandIn.build(nvidia.resolve("cu13/lib/libcublas.so.13"), EMPTY, lt);
        Path cudnn = CudaStandIn.build(nvidia.resolve("cudnn/lib/libcudnn.so.9"), EMPTY);
        Path folder = root.resolve("onnxruntime");
        Path provider = CudaStandIn.build(folder.resolve("libonnxruntime_providers_cuda.so"), EMPTY, blas, lt, cudart);
        CudaStandIn.build(folder.resolve("libonnxruntime_providers_shared.so"), EMPTY);
        TinyElf.versioned(folder.resolve("libonnxruntime.so.1"), "VERS_1.30.0");
        TinyElf.write(root.resolve("usr/lib64/libcuda.so.1"));
        Map<String, String> environment =
                Map.of("VIRTUAL_ENV", root.resolve("venv").toString());
        Places places = new Places(Optional.of(folder), Optional.empty(), environment, root, Map::of, Optional::empty);

        CudaRuntime runtime = new CudaRuntimeSearch(places, CudaDriver::of).find(List.of(0, 1));
        assertThat(runtime.libraries()).containsExactly(lt, blas, cudart, cudnn);
        assertThat(runtime.driver()).isEqualTo("13.1");
        assertThatIllegalArgumentException()
                .as("before, nobody finds what the provider needs")
                .isThrownBy(() -> SymbolLookup.libraryLookup(provider, Arena.global()));
        CudaLibrary cuda = runtime.load();
        assertThat(SymbolLookup.libraryLookup(provider, Arena.global()).find("slayer_test_nothing"))
                .isPresent();
        assertThat(cuda.deviceCount()).isEqualTo(2);
        assertThatExceptionOfType(SlayerException.class)
                .isThrownBy(() -> new CudaRuntimeSearch(places, CudaDriver::of).find(List.of(2)))
                .withMessageContaining("GPU cuda:2: found 2 GPUs");
    }
}
