package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.golden.Golden;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code slayer serve} in a process of its own, which ends as processes end. */
@Timeout(300)
class TrainingProcessTest {
    private static final Pattern URL = Pattern.compile(".* at (http://127\\.0\\.0\\.1:\\d+) .*");

    @TempDir
    Path folder;

    private Process start() throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "--sun-misc-unsafe-memory-access=allow",
                        "-Dslayer.root=" + Golden.root(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Main.class.getName(),
                        "serve",
                        "--port",
                        "0",
                        "--model",
                        "base=" + Golden.checkpoint("random-llama2"),
                        "--data-folder",
                        folder.toString(),
                        "--training-threads",
                        "1")
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
    }

    /** Waits until the process serves. */
    private static TrainingServer client(Process process) throws IOException {
        BufferedReader out = process.inputReader(StandardCharsets.UTF_8);
        for (String line = out.readLine(); line != null; line = out.readLine()) {
            Matcher url = URL.matcher(line);
            if (url.matches()) {
                return new TrainingServer(at(url.group(1)));
            }
        }
        throw new AssertionError("the process ended without an address");
    }

    @Test
    void aKilledServersJobGoesOnExactlyAndLibtorchIsLoadedByTheFirstJobOnly() throws Exception {
        Process process = start();
        String id;
        try (TrainingServer server = client(process)) {
            assertThat(hasLibtorch(process)).isFalse();
            id = server.create(TrainingServer.request(server.data("foxes.jsonl", TrainingServer.rows(40)), 300));
            server.awaitSteps(id, 6);
            assertThat(hasLibtorch(process)).isTrue();
        } finally {
            process.destroyForcibly().waitFor();
        }
        Process next = start();
        try (TrainingServer server = client(next)) {
            String file = server.get("/v1/files").ok().at("/data/0/id").asText();
            String whole = server.create(TrainingServer.request(file, 300));
            server.await(whole, "succeeded");
            assertThat(server.job(id).get("status").asText()).isEqualTo("succeeded");
            assertThat(server.events(id))
                    .anyMatch(event -> event.get("message").asText().equals("The job goes on"));
            assertThat(server.losses(id)).hasSize(300).isEqualTo(server.losses(whole));
            next.toHandle().destroy();
            assertThat(next.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(next.exitValue()).isZero();
        } finally {
            next.destroyForcibly();
        }
    }

    private static boolean hasLibtorch(Process process) throws IOException {
        Path maps = Path.of("/proc", String.valueOf(process.pid()), "maps");
        Assumptions.assumeTrue(Files.exists(maps), "no /proc: what a process has loaded is seen on Linux only");
        try (var lines = Files.lines(maps)) {
            return lines.anyMatch(line -> line.contains("libtorch"));
        }
    }

    private static RunningServer at(String url) {
        return new RunningServer() {
            @Override
            public URI url() {
                return URI.create(url);
            }

            @Override
            public List<String> models() {
                return List.of("base");
            }

            @Override
            public void drain(Duration deadline) {}

            @Override
            public void close() {}
        };
    }
}
