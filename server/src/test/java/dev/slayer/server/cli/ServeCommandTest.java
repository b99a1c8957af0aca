package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.clients.Completion;
import dev.slayer.clients.CompletionRequest;
import dev.slayer.clients.EventStream;
import dev.slayer.clients.SlayerClient;
import java.io.BufferedReader;
import java.io.File;
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
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class ServeCommandTest {
    private static final Pattern CURL = Pattern.compile("  (curl -N http://127\\.0\\.0\\.1:(\\d+)/v1/completions .*)");

    /** The command in a process of its own, around a canned server, since a signal ends the whole process. */
    private static Process start() throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        CannedServers.class.getName(),
                        "serve",
                        "--model",
                        "canned=" + System.getProperty("java.io.tmpdir"),
                        "--drain-timeout",
                        "60s")
                .start();
    }

    private static Matcher greeting(BufferedReader out) throws IOException {
        for (String line = out.readLine(); line != null; line = out.readLine()) {
            Matcher curl = CURL.matcher(line);
            if (curl.matches()) {
                return curl;
            }
        }
        throw new AssertionError("the process ended without a curl line");
    }

    @Test
    void theCurlLineWorksAndSigtermLetsRunningStreamsFinishAndExitsWith0() throws Exception {
        Assumptions.assumeTrue(hasCurl(), "this test pastes a curl line, and this machine has no curl");
        Process process = start();
        try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
            Matcher curl = greeting(out);
            Process pasted = new ProcessBuilder("bash", "-c", curl.group(1) + " -s")
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            assertThat(new String(pasted.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                    .startsWith("data: {")
                    .endsWith("data: [DONE]\n\n");

            StringBuilder text = new StringBuilder();
            try (SlayerClient client = SlayerClient.connect("http://127.0.0.1:" + curl.group(2));
                    EventStream<Completion> stream =
                            client.stream(CompletionRequest.of("canned", "x").maxTokens(30))) {
                text.append(stream.next().text());
                process.toHandle().destroy(); // SIGTERM; the process itself would close its streams
                stream.forEachRemaining(piece -> text.append(piece.text()));
            }
            assertThat(text).hasToString("a".repeat(30));
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).isZero();
            assertThat(new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8))
                    .contains("Draining")
                    .contains("Drained.");
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void theGreetingTakesTheKeyFromTheEnvironmentInsteadOfShowingIt() {
        RunningServer server = at("http://127.0.0.1:8000/");
        String greeting = ServeCommand.greeting(server, true, 1.234);
        assertThat(greeting)
                .contains("serves one, two at http://127.0.0.1:8000 (ready 1.23 s after its start)")
                .contains(
                        "curl -N http://127.0.0.1:8000/v1/completions -H \"Authorization: Bearer ${SLAYER_API_KEY%%,*}\"")
                .contains("\"model\":\"one\"");
        assertThat(ServeCommand.greeting(server, false, 1)).doesNotContain("Authorization");
    }

    @Test
    void aServerOnEveryNetworkIsGreetedByAnAddressThatCanBeCalled() {
        assertThat(ServeCommand.greeting(at("http://0.0.0.0:80"), false, 1)).contains("curl -N http://127.0.0.1:80/v1");
        assertThat(ServeCommand.greeting(at("http://[::]:80"), false, 1)).contains("curl -N http://[::1]:80/v1");
    }

    private static boolean hasCurl() {
        return Stream.of(System.getenv("PATH").split(File.pathSeparator))
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, "curl")));
    }

    private static RunningServer at(String url) {
        return new RunningServer() {
            @Override
            public URI url() {
                return URI.create(url);
            }

            @Override
            public List<String> models() {
                return List.of("one", "two");
            }

            @Override
            public void drain(Duration deadline) {}

            @Override
            public void close() {}
        };
    }
}
