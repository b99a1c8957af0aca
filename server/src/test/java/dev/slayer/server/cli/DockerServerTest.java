package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.server.golden.Golden;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The images' health check, the dashboard and the alerts, against a real server. */
@Timeout(60)
class DockerServerTest {
    private static final Pattern METRIC = Pattern.compile("\\b(?:slayer|process)_[a-z0-9_]+");
    private static final Pattern WITH_LABELS = Pattern.compile("(\\b(?:slayer|process)_[a-z0-9_]+)\\{(\\w+)=~");

    private static LiveServer server;

    @BeforeAll
    static void start() {
        server = new LiveServer(Map.of("slayer-tiny", Golden.checkpoint("slayer-tiny")));
        var _ = server.ask(
                "/v1/completions",
                LiveServer.body()
                        .put("model", "slayer-tiny")
                        .put("prompt", "Q: 1+1=? A:")
                        .put("max_tokens", 4));
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    /** Expressions of the dashboard, its variables, and the alerts. */
    private static List<String> expressions() {
        List<String> expressions = new ArrayList<>();
        JsonNode dashboard = DockerFiles.json("grafana/dashboards/slayer.json");
        dashboard.findValues("expr").forEach(expression -> expressions.add(expression.asText()));
        dashboard.findValues("definition").forEach(definition -> expressions.add(definition.asText()));
        DockerFiles.json("prometheus/alerts.yml")
                .findValues("expr")
                .forEach(expression -> expressions.add(expression.asText()));
        return expressions;
    }

    @Test
    void theServerTellsEveryMetricOfTheDashboardAndOfTheAlerts() {
        Assumptions.assumeTrue(
                System.getProperty("os.name").equals("Linux"), "only Linux tells what the process has in RAM");
        List<String> lines = server.get("/metrics").body().lines().toList();
        Set<String> told = lines.stream()
                .filter(line -> !line.startsWith("#"))
                .map(line -> line.replaceFirst("[{ ].*", ""))
                .collect(Collectors.toSet());
        List<String> expressions = expressions();
        assertThat(expressions).hasSizeGreaterThan(20);
        for (String expression : expressions) {
            List<String> metrics = METRIC.matcher(expression)
                    .results()
                    .map(match -> match.group())
                    .toList();
            if (!expression.startsWith("up{")) {
                assertThat(metrics).as(expression).isNotEmpty();
            }
            assertThat(told).as(expression).containsAll(metrics);
            WITH_LABELS
                    .matcher(expression)
                    .results()
                    .forEach(match -> assertThat(lines)
                            .as(expression)
                            .anyMatch(line ->
                                    line.startsWith(match.group(1) + "{") && line.contains(match.group(2) + "=\"")));
        }
    }

    @Test
    void theDashboardShowsWhatAnOperatorAsksFirst() {
        List<String> titles = new ArrayList<>();
        DockerFiles.json("grafana/dashboards/slayer.json")
                .get("panels")
                .forEach(panel -> titles.add(panel.get("title").asText()));
        assertThat(titles)
                .contains(
                        "Throughput",
                        "Sequences by model",
                        "Time to first token",
                        "Inter-token latency",
                        "Running and waiting",
                        "KV in use",
                        "Prefix cache hits",
                        "Memory");
    }

    @Test
    void theHealthCheckPassesWhereAServerIsHealthyOnly() throws Exception {
        assertThat(health(server.url().getPort())).isZero();
        assertThat(health(closedPort())).as("nothing listens").isNotZero();
        try (ServerSocket draining = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Thread answer = Thread.startVirtualThread(() -> answer503(draining));
            assertThat(health(draining.getLocalPort())).as("status 503").isNotZero();
            answer.join();
        }
    }

    private static int closedPort() throws IOException {
        try (ServerSocket closed = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return closed.getLocalPort();
        }
    }

    private static void answer503(ServerSocket draining) {
        try (Socket client = draining.accept()) {
            client.getOutputStream()
                    .write("HTTP/1.1 503 Service Unavailable\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        } catch (IOException e) {
            throw new AssertionError("the health check was not answered", e);
        }
    }

    private static int health(int port) throws IOException, InterruptedException {
        Process check = new ProcessBuilder(
                        "/usr/bin/env",
                        "-i",
                        "PATH=/usr/bin:/bin",
                        "SLAYER_PORT=" + port,
                        DockerFiles.folder().resolve("health").toString())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        assertThat(check.waitFor(30, TimeUnit.SECONDS)).isTrue();
        return check.exitValue();
    }
}
