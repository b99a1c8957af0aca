package dev.slayer.server.cli.suite;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.slayer.server.accelerator.DeviceChoice;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(180)
class SuiteTest {
    @TempDir
    Path folder;

    private final List<String> progress = new ArrayList<>();

    @Test
    void everyPartGivesFiguresOnTheProcessor() throws Exception {
        Path out = folder.resolve("out");
        SuiteReport report = suite(settings(Set.of(), Optional.of(out)), new CpuSite(2, Optional.empty()))
                .run();
        checkAll(report);
        assertThat(report.figures().stream().map(Figure::part).collect(Collectors.toSet()))
                .containsExactlyInAnyOrderElementsOf(Suite.PARTS);
        assertThat(progress)
                .anyMatch(line -> line.contains("GB written"))
                .hasSizeGreaterThan(report.figures().size());
        checkFiles(out, report);
    }

    @Test
    void everyServingPartGivesFiguresOnTheTwinOfAGpu() {
        Set<String> serving =
                Set.of("numerics", "decode", "prefill", "offline", "new-layouts", "mixed", "scoring", "sweep");
        TwinSite site = new TwinSite();
        SuiteReport report = suite(settings(serving, Optional.empty()), site).run();
        site.check();
        checkAll(report);
        assertThat(report.figures().stream().map(Figure::part).collect(Collectors.toSet()))
                .containsAll(serving)
                .doesNotContain("training", "peer");
        assertThat(report.figures())
                .extracting(Figure::name)
                .contains("largest difference, long decoding, replayed", "largest difference, last KV pages");
    }

    private static void checkAll(SuiteReport report) {
        assertThat(report.figures())
                .filteredOn(figure -> figure.kind() == Figure.Kind.FAILED)
                .as(report.table())
                .isEmpty();
        assertThat(report.sound()).isTrue();
        assertThat(report.figures())
                .filteredOn(figure -> figure.kind() == Figure.Kind.MEASURED)
                .allSatisfy(figure -> {
                    assertThat(figure.value().orElseThrow()).as(figure.name()).isFinite();
                    figure.limit()
                            .ifPresent(limit -> assertThat(limit)
                                    .as(figure.name())
                                    .isPositive()
                                    .isFinite());
                });
        assertThat(report.figures())
                .filteredOn(figure ->
                        Set.of("tokens/s", "items/s", "x", "GB/s", "TFLOP/s").contains(figure.unit()))
                .hasSizeGreaterThanOrEqualTo(10)
                .allSatisfy(figure -> assertThat(figure.value().orElseThrow())
                        .as(figure.name())
                        .isPositive());
        assertThat(report.figures())
                .filteredOn(figure -> Set.of("decode", "prefill", "scoring").contains(figure.part()))
                .allSatisfy(figure ->
                        assertThat(figure.fraction()).as(figure.name()).isPresent());
        assertThat(report.table().lines().skip(1)).hasSize(report.figures().size());
    }

    private static void checkFiles(Path out, SuiteReport report) throws IOException {
        JsonNode json = new ObjectMapper().readTree(Files.readString(out.resolve("gpu-suite.json")));
        assertThat(json.path("device").asText()).isEqualTo("cpu");
        assertThat(json.path("numerics_failed").asBoolean(true)).isFalse();
        assertThat(json.path("figures")).hasSize(report.figures().size());
        assertThat(Files.readString(out.resolve("gpu-suite.md")))
                .startsWith("# GPU suite on cpu\n")
                .contains("| decode | tiny | decode, batch 8 |");
    }

    @Test
    void aPartThatThrowsBecomesARowAndTheNextStillRuns() {
        Suite suite = new Suite(
                settings(Set.of(), Optional.empty()),
                new CpuSite(2, Optional.empty()),
                "1",
                progress::add,
                List.of(new Broken(), new PrefillPart()),
                List.of());
        SuiteReport report = suite.run();
        assertThat(report.figures())
                .filteredOn(figure -> Set.of("broken", "prefill").contains(figure.part()))
                .extracting(Figure::part, Figure::kind)
                .containsExactly(tuple("broken", Figure.Kind.FAILED), tuple("prefill", Figure.Kind.MEASURED));
        assertThat(report.sound()).isFalse();
        assertThat(report.table()).contains("it broke");
    }

    private static final class Broken implements Part {
        @Override
        public String name() {
            return "broken";
        }

        @Override
        public List<Figure> measure(Stage stage, Duration time) {
            throw new IllegalStateException("it broke");
        }
    }

    @Test
    void whatIsTooSlowForItsTimeSaysSoAndIsHeldAgainstNoLimit() {
        Scale small = Shape.TINY.scale();
        Scale endless = new Scale(
                small.engine(),
                small.decode(),
                small.prefill(),
                new Scale.Offline(2000, 200, 200),
                small.scoring(),
                small.layouts(),
                small.training(),
                small.product(),
                small.copyBytes());
        SuiteSettings hasty = new SuiteSettings(
                DeviceChoice.CPU,
                Optional.empty(),
                2,
                List.of(new Shape("tiny", Shape.TINY.config(), endless, false)),
                Set.of("offline"),
                Duration.ofMillis(500),
                Optional.of(folder.resolve("work")),
                Optional.empty());
        SuiteReport report = suite(hasty, new CpuSite(2, Optional.empty())).run();
        assertThat(report.figures())
                .filteredOn(figure -> figure.part().equals("offline"))
                .singleElement()
                .satisfies(figure -> {
                    assertThat(figure.note()).contains("time was up after").contains("tokens until then count");
                    assertThat(figure.limit()).isEmpty();
                });
    }

    private Suite suite(SuiteSettings settings, Site site) {
        return new Suite(settings, site, "1", Map.of("PATH", folder.toString()), progress::add);
    }

    private SuiteSettings settings(Set<String> only, Optional<Path> out) {
        return new SuiteSettings(
                DeviceChoice.CPU,
                Optional.empty(),
                2,
                List.of(Shape.TINY),
                only,
                Duration.ofSeconds(10),
                Optional.of(folder.resolve("work")),
                out);
    }
}
