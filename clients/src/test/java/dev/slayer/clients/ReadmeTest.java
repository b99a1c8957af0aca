package dev.slayer.clients;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.clients.example.Quickstart;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class ReadmeTest {
    private static final Path CLIENTS =
            Path.of(System.getProperty("slayer.root", "..")).resolve("clients");

    @Test
    void theExampleInTheReadmeIsTheOneThatIsCompiled() throws IOException {
        String source = Files.readString(CLIENTS.resolve("src/test/java/dev/slayer/clients/example/Quickstart.java"));
        String example = between(source, "// README: begin\n", "// README: end");
        assertThat(Files.readString(CLIENTS.resolve("README.md"))).contains("```java\n" + example + "```");
    }

    @Test
    void theExampleRuns() {
        try (TestServer server = new TestServer()) {
            server.answer("/v1/models", 200, "{\"data\":[{\"id\":\"tiny\"}]}");
            AtomicInteger calls = new AtomicInteger();
            server.on("/v1/completions", exchange -> {
                String piece = "{\"choices\":[{\"index\":0,\"text\":\"42\"}]}";
                if (calls.incrementAndGet() == 1) {
                    TestServer.send(exchange, 200, piece);
                } else {
                    TestServer.beginStream(exchange);
                    TestServer.sendEvent(exchange, piece);
                    TestServer.sendEvent(exchange, "[DONE]");
                }
            });
            String printed = standardOutputOf(() -> Quickstart.main(new String[] {server.url()}));
            assertThat(printed).isEqualToNormalizingNewlines("42\n42\n");
            assertThat(server.received().path()).isEqualTo("/v1/models");
            assertThat(server.received().body()).contains("Q: 17+25=? A:").contains("\"model\":\"tiny\"");
            assertThat(server.received().body()).contains("\"stream\":true");
        }
    }

    private static String standardOutputOf(Runnable action) {
        PrintStream before = System.out;
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
        try {
            action.run();
        } finally {
            System.setOut(before);
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    private static String between(String text, String begin, String end) {
        int from = text.indexOf(begin) + begin.length();
        return text.substring(from, text.indexOf(end, from));
    }
}
