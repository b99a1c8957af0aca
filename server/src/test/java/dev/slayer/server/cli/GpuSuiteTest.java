package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(120)
class GpuSuiteTest {
    @TempDir
    Path folder;

    private final CannedServers servers = new CannedServers(Duration.ofMillis(1), 0);

    @Test
    void chosenPartsAreMeasuredAndTheTableComesLast() throws Exception {
        Path out = folder.resolve("out");
        CommandRun run = bench(
                "--gpu-suite",
                "--only",
                "numerics,prefill",
                "--part-time",
                "10s",
                "--threads",
                "2",
                "--out",
                out.toString());
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out().lines().toList())
                .satisfiesExactly(
                        head -> assertThat(head).startsWith("part ").contains("met"),
                        row -> assertThat(row).startsWith("limits ").contains("GB/s"),
                        row -> assertThat(row).startsWith("limits ").contains("TFLOP/s"),
                        row -> assertThat(row).contains("plain").contains("yes"),
                        row -> assertThat(row).contains("edited layouts").contains("yes"),
                        row -> assertThat(row).contains("mixed steps").contains("yes"),
                        row -> assertThat(row).contains("replayed").contains("yes"),
                        row -> assertThat(row).startsWith("prefill  ").contains("tokens/s"));
        assertThat(run.err()).contains("prefill  tiny");
        assertThat(Files.readString(out.resolve("gpu-suite.md"))).contains("| prefill | tiny |");
        assertThat(out.resolve("gpu-suite.json")).isNotEmptyFile();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--gpu-suite --shape llama-9 | --shape: 'llama-9' names the unknown shape 'llama-9'; allowed: llama-3-8b,",
                "--gpu-suite --only decode,fly | --only: 'decode,fly' names the unknown part 'fly'; allowed: limits,",
                "--gpu-suite --part-time 5ms | --part-time is 5 ms; allowed: 100 ms to 1 h.",
                "--gpu-suite --device cuda:0,1 | --device cuda:0,1 names several GPUs; --gpu-suite measures one",
                "--gpu-suite --device tpu | --device: 'tpu' is unknown; allowed: cpu, cuda",
                "--gpu-suite --requests 3 | --requests cannot go with --gpu-suite, which has loads of its own.",
                "--gpu-suite --dtype int8 | --dtype cannot go with --gpu-suite, which has models and limits of its own.",
                "--shape tiny | --shape goes with --gpu-suite only."
            })
    void whatHasNoMeaningIsRefused(String options, String message) {
        CommandRun run = bench(options.strip().split(" ", -1));
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).startsWith("slayer: ").contains(message.strip());
    }

    private CommandRun bench(String... options) {
        List<String> all = new ArrayList<>(List.of("bench"));
        all.addAll(List.of(options));
        return CommandRun.of(servers, Map.of(), all.toArray(String[]::new));
    }
}
