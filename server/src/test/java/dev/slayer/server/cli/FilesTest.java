package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.server.cli.TrainingServer.Answer;
import dev.slayer.server.cli.TrainingServer.Part;
import dev.slayer.server.jobs.JobSettings;
import java.io.IOException;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Uploaded files, friendly and hostile. */
@Timeout(120)
class FilesTest {
    private static final Part PURPOSE = new Part("purpose", "", "fine-tune");

    @TempDir
    Path folder;

    @Test
    void aFileIsKeptByteForByteOverARestartAndDeleted() {
        String content = "{\"text\":\"Grüße, ein Fuchs\"}\r\n--\r\n----a-bound\n";
        String id;
        try (TrainingServer server = new TrainingServer(folder)) {
            JsonNode file = server.upload(new Part("file", "Füchse (1).jsonl", content), PURPOSE)
                    .ok();
            id = file.get("id").asText();
            assertThat(file.get("object").asText()).isEqualTo("file");
            assertThat(file.get("bytes").asInt()).isEqualTo(content.getBytes(StandardCharsets.UTF_8).length);
            assertThat(file.get("filename").asText()).isEqualTo("Füchse (1).jsonl");
            assertThat(file.get("status").asText()).isEqualTo("processed");
        }
        try (TrainingServer server = new TrainingServer(folder)) {
            HttpResponse<String> bytes =
                    server.text(HttpRequest.newBuilder(server.url().resolve("/v1/files/" + id + "/content")));
            assertThat(bytes.body()).isEqualTo(content);
            assertThat(bytes.headers().firstValue("content-disposition").orElse(""))
                    .isEqualTo("attachment; filename*=UTF-8''F%C3%BCchse%20%281%29.jsonl");
            assertThat(server.delete("/v1/files/" + id).ok().get("deleted").asBoolean())
                    .isTrue();
            server.get("/v1/files/" + id).refused(404, "file_not_found");
        }
        assertThat(kept()).isEmpty();
    }

    @Test
    void listsComeInPagesInBothOrdersAndByPurpose() {
        try (TrainingServer server = new TrainingServer(folder)) {
            List<String> ids = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                ids.add(server.data(i + ".jsonl", "{}"));
            }
            server.upload(new Part("purpose", "", "batch"), new Part("file", "b.jsonl", "{}"))
                    .ok();
            JsonNode first =
                    server.get("/v1/files?purpose=fine-tune&order=asc&limit=2").ok();
            assertThat(first.get("has_more").asBoolean()).isTrue();
            assertThat(ids(first)).isEqualTo(ids.subList(0, 2));
            JsonNode second = server.get("/v1/files?purpose=fine-tune&order=asc&limit=2&after=" + ids.get(1))
                    .ok();
            assertThat(second.get("has_more").asBoolean()).isFalse();
            assertThat(ids(second)).isEqualTo(ids.subList(2, 3));
            assertThat(ids(server.get("/v1/files?purpose=fine-tune").ok())).isEqualTo(ids.reversed());
            assertThat(ids(server.get("/v1/files").ok())).hasSize(4);
        }
    }

    private static List<String> ids(JsonNode list) {
        List<String> ids = new ArrayList<>();
        list.get("data").forEach(file -> ids.add(file.get("id").asText()));
        return ids;
    }

    @Test
    void namesThatCouldBePathsAreRefusedAndNothingIsLeft() throws IOException {
        try (TrainingServer server = new TrainingServer(folder)) {
            for (String name : List.of("../up.jsonl", "/etc/passwd", "x".repeat(256))) {
                Answer answer = server.upload(PURPOSE, new Part("file", name, "{}"));
                assertThat(answer.status()).as(name + " " + answer.body()).isEqualTo(400);
            }
            for (String purpose : List.of("", "world domination", "fine-tune-results")) {
                Answer answer = server.upload(new Part("purpose", "", purpose), new Part("file", "a.jsonl", "{}"));
                assertThat(answer.body().at("/error/param").asText()).isEqualTo("purpose");
            }
            server.upload(PURPOSE).refused(400, "invalid_value");
            server.upload(PURPOSE, new Part("file", "a.jsonl", "{}"), new Part("file", "b.jsonl", "{}"))
                    .refused(400, "invalid_value");
            server.upload(PURPOSE, new Part("other", "a.jsonl", "{}")).refused(400, "invalid_value");
            for (String seconds : List.of("1", "-5", "soon", "99999999999999999999")) {
                server.upload(
                                PURPOSE,
                                new Part("expires_after[seconds]", "", seconds),
                                new Part("file", "a.jsonl", "{}"))
                        .refused(400, "invalid_value");
            }
            server.send(HttpRequest.newBuilder(server.url().resolve("/v1/files"))
                            .POST(HttpRequest.BodyPublishers.ofString("{}")))
                    .refused(400, "invalid_value");
            assertThat(server.get("/v1/files").ok().get("data")).isEmpty();
            awaitNothingKept();
        }
        try (Stream<Path> all = Files.list(folder)) {
            assertThat(all.map(path -> path.getFileName().toString()))
                    .containsExactlyInAnyOrder("files", "slayer.lock", "slayer.mv.db");
        }
    }

    @Test
    void aFileBeyondTheLimitAndOneTooManyAreRefused() {
        try (TrainingServer server = new TrainingServer(folder, new JobSettings(1L << 30, 1, 1000, 2500))) {
            server.upload(PURPOSE, new Part("file", "a.jsonl", "x".repeat(1001)))
                    .refused(413, "file_too_large");
            server.upload(PURPOSE, new Part("file", "a.jsonl", "x".repeat(200_000)))
                    .refused(413, "file_too_large");
            awaitNothingKept();
            server.data("a.jsonl", "x".repeat(1000));
            server.data("b.jsonl", "x".repeat(1000));
            server.upload(PURPOSE, new Part("file", "c.jsonl", "x")).refused(413, "storage_full");
        }
    }

    @Test
    void anUploadThatBreaksOffLeavesNothing() throws IOException {
        try (TrainingServer server = new TrainingServer(folder)) {
            try (Socket socket = new Socket(server.url().getHost(), server.url().getPort())) {
                String head = "POST /v1/files HTTP/1.1\r\nHost: test\r\nContent-Length: 500000\r\n"
                        + "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\nContent-Disposition: form-data;"
                        + " name=\"file\"; filename=\"a.jsonl\"\r\n\r\n" + "x".repeat(100_000);
                socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
                socket.getOutputStream().flush();
                awaitKept(true);
            }
            awaitNothingKept();
            assertThat(server.get("/v1/files").ok().get("data")).isEmpty();
        }
    }

    @Test
    void whatABrokenProcessLeftIsRemovedAtTheStart() throws IOException {
        Files.createDirectories(folder.resolve("files"));
        Files.writeString(folder.resolve("files/file-0123.part"), "half");
        try (TrainingServer server = new TrainingServer(folder)) {
            assertThat(kept()).isEmpty();
            assertThat(server.get("/v1/files").ok().get("data")).isEmpty();
        }
    }

    private void awaitNothingKept() {
        awaitKept(false);
    }

    private void awaitKept(boolean some) {
        while (kept().isEmpty() == some) {
            LockSupport.parkNanos(2_000_000);
        }
    }

    private List<Path> kept() {
        try (Stream<Path> all = Files.list(folder.resolve("files"))) {
            return all.toList();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
