package dev.slayer.server.accelerator.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GpuLibrariesTest {
    private static final String OPTION = "--gpu-libraries";

    @TempDir
    private Path folder;

    @BeforeEach
    void whatPipInstalls() throws IOException {
        CudaRuntimeSearchTest.build(folder.resolve("onnxruntime/capi"), "libonnxruntime.so.1.30.0", "libcudart.so.13");
        TinyElf.write(folder.resolve("onnxruntime/capi/libonnxruntime_providers_tensorrt.so"));
        for (String name : new String[] {
            "libcudart.so.13", "libcublas.so.13", "libcublasLt.so.13", "libcufft.so.12", "libnvrtc.so.13"
        }) {
            TinyElf.write(folder.resolve("nvidia/cu13/lib").resolve(name));
        }
        Files.writeString(folder.resolve("nvidia/cu13/lib/libcudart_static.a"), "static");
        Files.writeString(
                Files.createDirectories(folder.resolve("nvidia/cu13/include")).resolve("cuda.h"), "header");
        TinyElf.write(folder.resolve("nvidia/cudnn/lib/libcudnn.so.9"));
        TinyElf.write(folder.resolve("nvidia/cudnn/lib/libcudnn_graph.so.9"));
    }

    @Test
    void itHasTheRuntimeWithItsProviderAndAllSharedLibrariesOfCuda() {
        assertThat(GpuLibraries.in(OPTION, folder).keySet())
                .containsExactly(
                        "nvidia/cu13/lib/libcublas.so.13",
                        "nvidia/cu13/lib/libcublasLt.so.13",
                        "nvidia/cu13/lib/libcudart.so.13",
                        "nvidia/cu13/lib/libcufft.so.12",
                        "nvidia/cu13/lib/libnvrtc.so.13",
                        "nvidia/cudnn/lib/libcudnn.so.9",
                        "nvidia/cudnn/lib/libcudnn_graph.so.9",
                        "onnxruntime/capi/libonnxruntime.so.1.30.0",
                        "onnxruntime/capi/libonnxruntime_providers_cuda.so",
                        "onnxruntime/capi/libonnxruntime_providers_shared.so");
    }

    @Test
    void allThatIsMissingIsToldAtOnce() throws IOException {
        Files.delete(folder.resolve("nvidia/cudnn/lib/libcudnn.so.9"));
        Files.delete(folder.resolve("nvidia/cu13/lib/libcufft.so.12"));
        assertThatThrownBy(() -> GpuLibraries.in(OPTION, folder))
                .isInstanceOf(SlayerException.class)
                .hasMessageContainingAll(
                        "--gpu-libraries: " + folder + " is not all that a GPU needs; missing:",
                        "libcudnn.so.9: found nothing",
                        "pip install nvidia-cudnn-cu13",
                        "libcufft.so.12: found nothing")
                .hasMessageNotContaining("libcublas");
    }

    @Test
    void aBuildForTheProcessorIsNone() throws IOException {
        Files.delete(folder.resolve("onnxruntime/capi/libonnxruntime_providers_cuda.so"));
        assertThatThrownBy(() -> GpuLibraries.in(OPTION, folder))
                .hasMessageContaining("ONNX Runtime for CUDA 13: found onnxruntime for the CPU in " + folder);
    }

    @Test
    void aFolderThatIsNotThereHasNothing() {
        assertThatThrownBy(() -> GpuLibraries.in(OPTION, folder.resolve("absent")))
                .hasMessageContainingAll("ONNX Runtime for CUDA 13: found none", "libcublas.so.13: found nothing");
    }
}
