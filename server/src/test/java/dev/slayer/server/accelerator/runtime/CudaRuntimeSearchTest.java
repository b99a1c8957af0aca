package dev.slayer.server.accelerator.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Searches made-up machines: folders with files that say what libraries say about themselves. */
class CudaRuntimeSearchTest {
    private static final CudaDriver DRIVER = new CudaDriver(13_010, 2);

    @TempDir
    private Path root;

    private final Map<String, String> environment = new HashMap<>();
    private Optional<Path> named = Optional.empty();
    private Optional<Path> bundled = Optional.empty();
    private Optional<Path> artifact = Optional.empty();
    private CudaDriver driver = DRIVER;
    private Path site;
    private Path capi;

    /** A machine on which nothing is missing: pip's build and pip's CUDA, the driver in the system's folder. */
    @BeforeEach
    void wholeMachine() {
        site = root.resolve("venv/lib/python3.12/site-packages");
        capi = site.resolve("onnxruntime/capi");
        environment.put("VIRTUAL_ENV", root.resolve("venv").toString());
        build(capi, "libonnxruntime.so.1.29.0", "libcudart.so.13");
        TinyElf.write(site.resolve("nvidia/cu13/lib/libcudart.so.13"));
        TinyElf.write(site.resolve("nvidia/cu13/lib/libcublas.so.13"), "libcublasLt.so.13");
        TinyElf.write(site.resolve("nvidia/cu13/lib/libcublasLt.so.13"));
        TinyElf.write(site.resolve("nvidia/cu13/lib/libcufft.so.12"));
        TinyElf.write(site.resolve("nvidia/cudnn/lib/libcudnn.so.9"));
        TinyElf.write(root.resolve("usr/lib/x86_64-linux-gnu/libcuda.so.1"));
    }

    @Test
    void aWholeMachineIsFound() {
        CudaRuntime runtime = find(0, 1);
        assertThat(runtime.library()).isEqualTo(capi.resolve("libonnxruntime.so.1.29.0"));
        assertThat(runtime.version()).hasToString("1.29.0");
        assertThat(runtime.origin()).isEqualTo("pip's onnxruntime-gpu");
        assertThat(runtime.cudart().getFileName()).hasToString("libcudart.so.13");
        assertThat(runtime.driver()).isEqualTo("13.1");
        assertThat(runtime.devices()).isEqualTo(2);
        assertThat(runtime.operators().attentionMetadata()).isTrue();
        assertThat(runtime.libraries())
                .extracting(path -> path.getFileName().toString())
                .as("each after those that it needs, and what is not CUDA's left to the system")
                .containsExactly(
                        "libcublasLt.so.13", "libcublas.so.13", "libcufft.so.12", "libcudart.so.13", "libcudnn.so.9");
    }

    @Test
    void aNamedLibraryOrFolderComesBeforePip() throws IOException {
        Path other = root.resolve("other");
        build(other.resolve("lib"), "libonnxruntime.so.1.30.0", "libcudart.so.13");
        for (Path name : List.of(other, other.resolve("lib"), other.resolve("lib/libonnxruntime.so.1.30.0"))) {
            named = Optional.of(name);
            assertThat(find(0).library()).isEqualTo(other.resolve("lib/libonnxruntime.so.1.30.0"));
            assertThat(find(0).operators().capturableDecode()).isTrue();
        }
        Path link = Files.createSymbolicLink(
                other.resolve("lib/libonnxruntime.so"), other.resolve("lib/libonnxruntime.so.1.30.0"));
        named = Optional.of(link);
        assertThat(find(0).version()).as("of the file that a link leads to").hasToString("1.30.0");
    }

    @Test
    void whatABundleBroughtComesBeforePip() {
        Path libraries = root.resolve("bundle/libraries");
        bundled = Optional.of(libraries);
        build(libraries.resolve("onnxruntime/capi"), "libonnxruntime.so.1.30.0", "libcudart.so.13");
        Path cudart = TinyElf.write(libraries.resolve("nvidia/cu13/lib/libcudart.so.13"));
        assertThat(find(0).version()).hasToString("1.30.0");
        assertThat(find(0).origin()).isEqualTo("the bundle");
        assertThat(find(0).cudart()).isEqualTo(cudart);
        named = Optional.of(capi);
        assertThat(find(0).version()).as("what a user names comes first").hasToString("1.29.0");
    }

    @Test
    void theArtifactIsUsedWhereNothingElseIs() throws IOException {
        environment.remove("VIRTUAL_ENV");
        environment.put("LD_LIBRARY_PATH", site.resolve("nvidia/cu13/lib") + "::" + site.resolve("nvidia/cudnn/lib"));
        artifact = Optional.of(root.resolve("artifact"));
        build(artifact.get(), "libonnxruntime.so.1", "libcudart.so.13");
        Files.delete(artifact.get().resolve("libonnxruntime.so.1"));
        TinyElf.versioned(artifact.get().resolve("libonnxruntime.so.1"), "VERS_1.24.1");
        assertThat(find(0).version()).hasToString("1.24.1");
        assertThat(find(0).origin()).isEqualTo("the gpu profile");
        environment.put("PATH", pythonOnPath().toString());
        assertThat(find(0).origin())
                .as("a Python on the path, whose site is found")
                .isEqualTo("pip's onnxruntime-gpu");
    }

    @Test
    void everythingMissingIsToldAtOnce() throws IOException {
        Path bare = Files.createDirectory(root.resolve("bare"));
        Places places = new Places(Optional.empty(), Optional.empty(), Map.of(), bare, Map::of, Optional::empty);
        SlayerException refused = catchThrowableOfType(
                SlayerException.class, () -> new CudaRuntimeSearch(places, path -> driver).find(List.of(0)));
        assertThat(refused.code()).isEqualTo("cuda_unavailable");
        assertThat(refused.param()).isEqualTo("--device");
        assertThat(refused.getMessage().lines())
                .hasSize(8)
                .anyMatch(line -> line.startsWith("  - ONNX Runtime for CUDA 13: found none; wanted 1.24 or newer."))
                .anyMatch(line -> line.contains("libcudart.so.13: found nothing; wanted version 13."))
                .anyMatch(line -> line.contains("libcublas.so.13: found nothing"))
                .anyMatch(line -> line.contains("libcublasLt.so.13: found nothing"))
                .anyMatch(line -> line.contains("libcudnn.so.9: found nothing; wanted version 9."))
                .anyMatch(line -> line.contains("libcufft.so.12: found nothing"))
                .anyMatch(line -> line.contains("NVIDIA driver: found none, without libcuda.so.1"));
    }

    @Test
    void eachMissingLibraryIsNamedWithWhatIsThereInstead() throws IOException {
        Files.delete(site.resolve("nvidia/cudnn/lib/libcudnn.so.9"));
        Path old = TinyElf.write(root.resolve("usr/local/cuda-12.8/lib64/libcudnn.so.8"));
        assertThat(refusal(0))
                .contains("libcudnn.so.9: found " + old + "; wanted version 9.")
                .contains("pip install nvidia-cudnn-cu13")
                .doesNotContain("libcublas", "driver");
    }

    @Test
    void cudnnIsNeededThoughRecentProvidersDoNotLinkItAndTheDriverIsNoneOfCudasLibraries() throws IOException {
        TinyElf.write(capi.resolve("libonnxruntime_providers_cuda.so"), "libcublas.so.13", "libcuda.so.1");
        assertThat(find(0).libraries())
                .extracting(path -> path.getFileName().toString())
                .containsExactly("libcublas.so.13", "libcudart.so.13", "libcudnn.so.9");
        Files.delete(site.resolve("nvidia/cudnn/lib/libcudnn.so.9"));
        assertThat(refusal(0)).contains("libcudnn.so.9: found nothing");
        Files.delete(root.resolve("usr/lib/x86_64-linux-gnu/libcuda.so.1"));
        assertThat(refusal(0)).containsOnlyOnce("  - NVIDIA driver").doesNotContain("libcuda.so.1: found");
    }

    @Test
    void filesBesideTheLibraryAreNeeded() throws IOException {
        Files.delete(capi.resolve("libonnxruntime_providers_shared.so"));
        assertThat(refusal(0)).contains("libonnxruntime_providers_shared.so: found nothing");
        named = Optional.of(capi);
        Files.delete(capi.resolve("libonnxruntime_providers_cuda.so"));
        assertThat(refusal(0))
                .contains("libonnxruntime_providers_shared.so: found nothing")
                .contains("libonnxruntime_providers_cuda.so: found nothing")
                .contains("one for the CPU has no such file");
        named = Optional.empty();
        assertThat(refusal(0)).contains("found onnxruntime for the CPU in " + site);
    }

    @Test
    void aBuildForCuda12IsCalledThat() {
        build(capi, "libonnxruntime.so.1.29.0", "libcudart.so.12");
        assertThat(refusal(0))
                .contains("found a build for CUDA 12 at " + capi.resolve("libonnxruntime.so.1.29.0"))
                .contains("(its provider needs libcudart.so.12)");
    }

    @Test
    void anOldBuildIsRefusedByItsVersion() {
        Path old = root.resolve("old");
        build(old, "libonnxruntime.so.1.23.2", "libcudart.so.13");
        named = Optional.of(old);
        assertThat(refusal(0)).contains("found 1.23.2 at ").contains("wanted 1.24 or newer");
    }

    @Test
    void whatIsNoLibraryIsCalledThat() throws IOException {
        Path folder = Files.createDirectory(root.resolve("named"));
        named = Optional.of(folder);
        assertThat(refusal(0)).contains("found no libonnxruntime.so in " + folder);
        named = Optional.of(folder.resolve("absent"));
        assertThat(refusal(0)).contains("found nothing at " + named.get());
        named = Optional.of(Files.writeString(folder.resolve("libonnxruntime.so"), "text"));
        assertThat(refusal(0)).contains(named.get() + ", which is no 64-bit shared library");
        TinyElf.foreign(named.get());
        assertThat(refusal(0)).contains("which is for another processor");
        TinyElf.versioned(named.get(), "OTHER_1.2.3");
        assertThat(refusal(0)).contains("which says no version");
    }

    @Test
    void theRealLibraryForTheCpuUnderAnotherNameIsNotOneForCuda() throws IOException {
        named = Optional.of(ElfFileTest.realLibrary(Files.createDirectory(root.resolve("cpu"))));
        assertThat(refusal(0))
                .contains("libonnxruntime_providers_cuda.so: found nothing")
                .doesNotContain("version");
    }

    @Test
    void theDriverMustBeThereAndNewEnough() throws IOException {
        driver = new CudaDriver(12_080, 0);
        assertThat(refusal(0)).contains("NVIDIA driver: found one for CUDA 12.8; wanted one for CUDA 13.0 or newer");
        Path version = root.resolve("proc/driver/nvidia/version");
        Files.createDirectories(version.getParent());
        Files.writeString(version, "NVRM version: 570.1\nGCC version: 12\n");
        assertThat(refusal(0)).contains("NVIDIA driver: found 'NVRM version: 570.1', one for CUDA 12.8;");
        Files.delete(root.resolve("usr/lib/x86_64-linux-gnu/libcuda.so.1"));
        assertThat(refusal(0)).contains("found 'NVRM version: 570.1', without libcuda.so.1");
    }

    @Test
    void devicesThatThereAreNotAreNamed() {
        assertThat(refusal(1, 2, 7)).contains("GPU cuda:2, cuda:7: found 2 GPUs; wanted cuda:0 to cuda:1");
        driver = new CudaDriver(13_000, 0);
        assertThat(refusal(0)).contains("GPU cuda:0: found 0 GPUs; wanted at least one");
    }

    @Test
    void linesOfTheLinkersCacheAreRead() {
        Map<String, Path> found = new HashMap<>();
        LinkerCache.add(found, "\tlibcuda.so.1 (libc6,x86-64) => /lib/x86_64-linux-gnu/libcuda.so.1");
        LinkerCache.add(found, "\tlibcuda.so.1 (libc6) => /lib/i386-linux-gnu/libcuda.so.1");
        LinkerCache.add(found, "524 libs found in cache `/etc/ld.so.cache'");
        assertThat(found).containsExactly(Map.entry("libcuda.so.1", Path.of("/lib/x86_64-linux-gnu/libcuda.so.1")));
    }

    private CudaRuntime find(Integer... devices) {
        Places places = new Places(named, bundled, environment, root, Map::of, () -> artifact);
        return new CudaRuntimeSearch(places, path -> driver).find(List.of(devices));
    }

    private String refusal(Integer... devices) {
        return catchThrowableOfType(SlayerException.class, () -> find(devices)).getMessage();
    }

    private Path pythonOnPath() throws IOException {
        Path bin = Files.createDirectories(root.resolve("venv/bin"));
        assertThat(Files.createFile(bin.resolve("python3")).toFile().setExecutable(true))
                .isTrue();
        return bin;
    }

    /** A build of ONNX Runtime with its provider. */
    static void build(Path folder, String library, String cudart) {
        TinyElf.write(folder.resolve(library), "libc.so.6");
        TinyElf.write(folder.resolve("libonnxruntime_providers_shared.so"));
        TinyElf.write(
                folder.resolve("libonnxruntime_providers_cuda.so"),
                "libcublas.so.13",
                "libcublasLt.so.13",
                "libcufft.so.12",
                cudart,
                "libonnxruntime_providers_shared.so",
                "libcudnn.so.9",
                "libcuda.so.1",
                "libc.so.6");
    }
}
