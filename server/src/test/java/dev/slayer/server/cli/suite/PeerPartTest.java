package dev.slayer.server.cli.suite;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PeerPartTest {
    @TempDir
    Path folder;

    @Test
    void whatPythonMeasuredStandsBesideTheLimitsAndItsEndIsToldOf() throws IOException {
        List<Figure> figures = measure("""
                #!/bin/sh
                echo '{"kind": "decode", "batch": 8, "rows": 28, "rate": 100, "note": "torch 9"}'
                echo 'a line of a library'
                echo '{"kind": "training", "layers": 4, "rate": 50, "note": "torch 9"}'
                echo 'RuntimeError: broken' >&2
                exit 3
                """);
        assertThat(figures)
                .extracting(Figure::kind)
                .containsExactly(Figure.Kind.MEASURED, Figure.Kind.MEASURED, Figure.Kind.FAILED);
        assertThat(figures.getFirst().name()).isEqualTo("transformers, decode, batch 8");
        assertThat(figures.getFirst().value()).hasValue(100);
        assertThat(figures.getFirst().limit().orElseThrow()).isPositive();
        assertThat(figures.getLast().note()).isEqualTo("python3 ended with 3: RuntimeError: broken");
    }

    @Test
    void aPythonWithoutTorchIsNoFailure() throws IOException {
        assertThat(measure("#!/bin/sh\necho '{\"absent\": \"python3 has no torch\"}'\n"))
                .singleElement()
                .satisfies(figure -> {
                    assertThat(figure.kind()).isEqualTo(Figure.Kind.ABSENT);
                    assertThat(figure.note()).isEqualTo("python3 has no torch");
                });
    }

    @Test
    void aPythonThatSaysNothingIsOne() throws IOException {
        assertThat(measure("#!/bin/sh\n"))
                .singleElement()
                .satisfies(figure -> assertThat(figure.kind()).isEqualTo(Figure.Kind.FAILED));
    }

    private List<Figure> measure(String python) throws IOException {
        Path bin = Files.createDirectories(folder.resolve("bin"));
        Path file = Files.writeString(bin.resolve("python3"), python);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
        Limits limits = new Limits(OptionalDouble.of(1e9), OptionalDouble.of(1e12));
        Stage stage = new Stage(
                new CpuSite(1, Optional.empty()), Shape.TINY, Files.createDirectories(folder.resolve("work")), limits);
        return new PeerPart(new PeerProcess(Map.of("PATH", "/nowhere:" + bin))).measure(stage, Duration.ofSeconds(20));
    }
}
