package dev.slayer.server.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OnnxRuntimeTest {
    @Test
    void aLibraryNamedByItsPathIsLoadedOnceAndRunsLikeTheArtifacts() {
        Path library = NativeLibrary.unpack();
        try (OnnxRuntime first = OnnxRuntime.open(library, 1);
                OnnxRuntime second = OnnxRuntime.open(library.getParent().resolve("./" + library.getFileName()), 1)) {
            assertThat(first.version()).isEqualTo(second.version());
            assertThat(first.api).isSameAs(second.api);
        }
    }

    @Test
    void whatIsNoLibraryIsNamed(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("libonnxruntime.so"), "text");
        assertThatExceptionOfType(OnnxException.class)
                .isThrownBy(() -> OnnxRuntime.open(file, 1))
                .withMessageContaining(file.toString());
    }

    /** Opens and closes a runtime in a process of its own. */
    static final class Start {
        public static void main(String[] arguments) {
            try (OnnxRuntime runtime = OnnxRuntime.open(1)) {
                System.out.println("started " + runtime.version());
            }
        }
    }

    @Test
    void aLongCommandLineDoesNotEndTheProcess() throws Exception {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Start.class.getName(),
                        "x".repeat(60_000))
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
        assertThat(output).startsWith("started 1.");
    }
}
