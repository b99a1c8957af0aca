package dev.slayer.server.accelerator.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ElfFileTest {
    @TempDir
    private Path folder;

    @Test
    void saysWhatALibraryIsAndNeeds() throws IOException {
        ElfFile file = ElfFile.read(TinyElf.write(folder.resolve("liba.so.1"), "libb.so.2", "libc.so.6"));
        assertThat(file.soname()).isEqualTo("liba.so.1");
        assertThat(file.needed()).containsExactly("libb.so.2", "libc.so.6");
        assertThat(file.versions()).isEmpty();
        assertThat(file.machine()).isEqualTo(ElfFile.thisMachine());
        assertThat(ElfFile.read(TinyElf.versioned(folder.resolve("libv.so"), "VERS_1.29.0"))
                        .versions())
                .containsExactly("VERS_1.29.0");
    }

    @Test
    void readsTheRealLibraryOfTheArtifact() throws IOException {
        Path library = realLibrary(folder);
        ElfFile file = ElfFile.read(library);
        assertThat(file.soname()).isEqualTo("libonnxruntime.so.1");
        assertThat(file.needed()).contains("libc.so.6");
        assertThat(file.versions()).anyMatch(version -> version.matches("VERS_1\\.\\d+\\.\\d+"));
        assertThat(ElfFile.mentions(library, "OrtGetApiBase")).isTrue();
        assertThat(ElfFile.mentions(library, "OrtGetApi")).isFalse();
        assertThat(LoadedVersion.of(library).map(LibraryVersion::toString))
                .as("what the library says is what its symbols say")
                .contains(file.versions().stream()
                        .filter(version -> version.startsWith("VERS_"))
                        .findFirst()
                        .orElseThrow()
                        .replace("VERS_", ""));
    }

    @Test
    void whatIsNoLibraryIsRefused() throws IOException {
        for (String text : new String[] {"", "no library", "\u007fELF"}) {
            Path file = Files.writeString(folder.resolve("file"), text);
            assertThatIOException().isThrownBy(() -> ElfFile.read(file)).withMessageContaining("no 64-bit");
        }
        assertThatIOException().isThrownBy(() -> ElfFile.read(folder.resolve("absent")));
    }

    @Test
    void damagedFilesAreRefusedAndNeverMore() throws IOException {
        byte[] whole = Files.readAllBytes(TinyElf.versioned(folder.resolve("libv.so"), "VERS_1.29.0"));
        Random random = new Random(7);
        for (int i = 0; i < 2000; i++) {
            byte[] damaged = Arrays.copyOf(whole, i < 200 ? whole.length * i / 200 : whole.length);
            for (int k = 0; k < i % 5 && damaged.length > 0; k++) {
                damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
            }
            Path file = Files.write(folder.resolve("damaged.so"), damaged);
            try {
                assertThat(ElfFile.read(file).needed()).hasSizeLessThan(5000);
            } catch (IOException refused) {
                assertThat(refused).hasMessageNotContaining("null");
            }
        }
    }

    /** The CPU library of the official artifact for Linux, copied. */
    static Path realLibrary(Path folder) throws IOException {
        Path library = folder.resolve("libonnxruntime.so");
        String machine = ElfFile.thisMachine() == ElfFile.X86_64 ? "x64" : "aarch64";
        try (InputStream in = ElfFileTest.class.getResourceAsStream(
                "/ai/onnxruntime/native/linux-" + machine + "/libonnxruntime.so")) {
            Files.copy(in, library);
        }
        return library;
    }
}
