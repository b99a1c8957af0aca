package dev.slayer.server.cli.bundle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.server.accelerator.runtime.TinyElf;
import dev.slayer.server.cli.Main;
import dev.slayer.server.golden.Golden;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A real bundle of the classes under test, unpacked and run with nothing in the environment but a PATH. */
@Timeout(300)
class BundleTest {
    private static final long PART = 24 << 20;

    @TempDir
    static Path temporary;

    private static Path parts;
    private static Path unpacked;
    private static Path gpuLibraries;
    private static Bundle.Written written;

    @BeforeAll
    static void packAndUnpack() throws Exception {
        Assumptions.assumeTrue(
                System.getProperty("os.name").equals("Linux"), "bundles are tried on Linux, with its standard tools");
        Assumptions.assumeTrue(
                ToolProvider.findFirst("jlink").isPresent(), "this Java has no jlink, which makes a bundle's runtime");
        parts = temporary.resolve("parts");
        unpacked = temporary.resolve("un packed");
        gpuLibraries = gpuLibraries(temporary.resolve("site"));
        written = Bundle.write(settings(parts), installation());
        Run run = run("sh", parts.resolve("unpack.sh").toString(), unpacked.toString());
        assertThat(run.code()).as(run.output()).isZero();
    }

    private static BundleSettings settings(Path out) {
        return new BundleSettings(out, PART, false, Optional.of(gpuLibraries));
    }

    /** What pip would install for GPUs, in files that can be read about but not loaded. */
    private static Path gpuLibraries(Path site) {
        Path capi = site.resolve("onnxruntime/capi");
        TinyElf.write(capi.resolve("libonnxruntime.so.1.30.0"));
        TinyElf.write(capi.resolve("libonnxruntime_providers_shared.so"));
        TinyElf.write(capi.resolve("libonnxruntime_providers_cuda.so"), "libcudart.so.13", "libcublas.so.13");
        TinyElf.write(site.resolve("nvidia/cu13/lib/libcudart.so.13"));
        TinyElf.write(site.resolve("nvidia/cu13/lib/libcublas.so.13"));
        TinyElf.write(site.resolve("nvidia/cudnn/lib/libcudnn.so.9"));
        return site;
    }

    /** Without the tests and their classes. */
    private static Installation installation() {
        Installation running = Installation.running(Main.class, "under-test");
        List<Path> classPath = running.classPath().stream()
                .filter(entry -> !entry.endsWith("test-classes"))
                .toList();
        return new Installation(Golden.root(), classPath, running.server(), running.version());
    }

    @Test
    void itTestsItselfWithNoJdkInReach() throws Exception {
        Run run = run(unpacked.resolve("slayer").toString(), "self-test");
        assertThat(run.code()).as(run.output()).isZero();
        assertThat(run.output()).contains("ok      slayer-tiny:", "ok      slayer-tiny@remove=3:", "works here.");
    }

    @Test
    void itRunsOnTheRuntimeThatItBrought() throws Exception {
        Run run = run(
                "SLAYER_JAVA_OPTS=-XshowSettings:properties",
                unpacked.resolve("slayer").toString(),
                "--version");
        assertThat(run.output()).contains("java.home = " + unpacked.toRealPath().resolve("runtime") + "\n");
    }

    @Test
    void whatItBroughtForGpusIsFoundThere() throws Exception {
        Run run = run(unpacked.resolve("slayer").toString(), "serve", "--device", "cuda");
        assertThat(run.code()).isEqualTo(1);
        assertThat(run.output())
                .as("a driver is missing, or these files cannot be loaded; nothing else is")
                .startsWith("slayer: ")
                .doesNotContain("ONNX Runtime for CUDA 13: found", "libcudart.so.13: found", "libcublas.so.13: found");
    }

    @Test
    void theLinkerLooksThereAfterWhereTheUserSays() throws Exception {
        Path lib = unpacked.toRealPath().resolve("libraries/nvidia/cu13/lib");
        Run run = run(
                "LD_LIBRARY_PATH=/somewhere",
                "SLAYER_JAVA_OPTS=-XshowSettings:properties",
                unpacked.resolve("slayer").toString(),
                "--version");
        assertThat(run.output()).containsSubsequence("java.library.path = /somewhere\n", lib + "\n");
    }

    @Test
    void noPartIsLargerThanAskedForAndAllButTheLastAreFull() throws IOException {
        List<Path> files = partFiles(parts);
        assertThat(files).hasSize(written.parts()).hasSizeGreaterThan(2);
        assertThat(files.subList(0, files.size() - 1)).allMatch(file -> size(file) == PART);
        assertThat(size(files.getLast())).isLessThanOrEqualTo(PART);
        assertThat(files.stream().mapToLong(BundleTest::size).sum()).isEqualTo(written.bytes());
        try (Stream<Path> all = Files.list(parts)) {
            assertThat(all.map(Path::getFileName).map(Path::toString))
                    .contains("SHA256SUMS", "unpack.sh")
                    .hasSize(written.parts() + 2);
        }
    }

    @Test
    void libtorchIsNotInItAndTrainingSaysSo() throws Exception {
        try (Stream<Path> libraries = Files.list(unpacked.resolve("server/target/lib"))) {
            assertThat(libraries.map(file -> file.getFileName().toString()))
                    .anyMatch(name -> name.startsWith("onnxruntime-"))
                    .noneMatch(name -> name.matches("(pytorch|openblas|mkl|javacpp)-.*"));
        }
        Run run = run(
                unpacked.resolve("slayer").toString(),
                "train",
                Golden.root().resolve("training/recipes/sft-tiny.yaml").toString(),
                "--out",
                temporary.resolve("runs").toString());
        assertThat(run.code()).isEqualTo(1);
        assertThat(run.output()).contains("not packed --without training").doesNotContain("\tat ");
    }

    @Test
    void theSameInstallationGivesTheSameBytes() throws IOException {
        Path again = temporary.resolve("again");
        var _ = Bundle.write(settings(again), installation());
        assertThat(again.resolve("SHA256SUMS")).hasSameTextualContentAs(parts.resolve("SHA256SUMS"));
    }

    @Test
    void aDamagedOrMissingPartIsNamedAndNothingIsUnpacked() throws Exception {
        Path copy = Files.createDirectory(temporary.resolve("copy"));
        try (Stream<Path> files = Files.list(parts)) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(file.getFileName()));
            }
        }
        byte[] bytes = Files.readAllBytes(copy.resolve("slayer-bundle.tar.gz.part-001"));
        bytes[1000] ^= 1;
        Files.write(copy.resolve("slayer-bundle.tar.gz.part-001"), bytes);
        Files.delete(copy.resolve("slayer-bundle.tar.gz.part-002"));
        Path target = temporary.resolve("nothing");
        Run run = run("sh", copy.resolve("unpack.sh").toString(), target.toString());
        assertThat(run.code()).isEqualTo(1);
        assertThat(run.output())
                .contains("not whole", "part-001: FAILED", "part-002: FAILED")
                .doesNotContain("part-000");
        assertThat(target).doesNotExist();
    }

    @Test
    void anExistingFolderIsNeverUnpackedInto() throws Exception {
        Run run = run("sh", parts.resolve("unpack.sh").toString(), unpacked.toString());
        assertThat(run.code()).isEqualTo(1);
        assertThat(run.output()).contains(unpacked + " exists");
    }

    @Test
    void aFolderWithSomethingInItIsRefusedAndKept() throws IOException {
        Path full = Files.createDirectory(temporary.resolve("full"));
        Files.writeString(full.resolve("mine"), "mine");
        assertThatThrownBy(() -> Bundle.write(settings(full), installation()))
                .isInstanceOf(SlayerException.class)
                .hasMessageContaining(full + " is not an empty folder");
        assertThat(full).isDirectoryContaining("glob:**mine");
    }

    @Test
    void aBundleThatFailsLeavesNothing() {
        Path out = temporary.resolve("failed");
        Installation broken = new Installation(
                temporary.resolve("no root"),
                installation().classPath(),
                installation().server(),
                "1");
        assertThatThrownBy(() -> Bundle.write(settings(out), broken))
                .isInstanceOf(SlayerException.class)
                .hasMessageContaining("no root");
        assertThat(out).doesNotExist();
    }

    /** How a command ended, with all that it printed. */
    private record Run(int code, String output) {}

    /** Runs a command, with variables before it, in an environment that has nothing but a PATH without our JDK. */
    private static Run run(String... command) throws IOException, InterruptedException {
        List<String> words = new ArrayList<>(List.of("/usr/bin/env", "-i", "PATH=/usr/bin:/bin"));
        words.addAll(List.of(command));
        Process process = new ProcessBuilder(words)
                .directory(temporary.toFile())
                .redirectErrorStream(true)
                .start();
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Run(process.waitFor(), output);
    }

    private static List<Path> partFiles(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.getFileName().toString().contains(".part-"))
                    .sorted()
                    .toList();
        }
    }

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
