package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.server.api.OpenAiClient;
import dev.slayer.server.cli.TrainingServer.Answer;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.jobs.JobSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Real training in a real server, over HTTP. */
@Timeout(300)
class FineTuningTest {
    /** More than are made while a test looks away for a moment. */
    private static final int STEPS = 150;

    @TempDir
    Path folder;

    @Test
    void aJobsResultIsAtOnceAModelBesideItsBaseAndCanBeTakenBack() {
        try (TrainingServer server = new TrainingServer(folder)) {
            JsonNode before = server.perplexity("base");
            String id = server.create(TrainingServer.request(server.data("foxes.jsonl", TrainingServer.rows(40)), 12)
                    .put("suffix", "fox"));
            JsonNode job = server.await(id, "succeeded");
            String model = job.get("fine_tuned_model").asText();
            assertThat(model).matches("ft-base-fox-[0-9a-f]{8}");
            assertThat(job.get("trained_tokens").asLong()).isPositive();
            assertThat(job.get("finished_at").asLong())
                    .isGreaterThanOrEqualTo(job.get("created_at").asLong());
            assertThat(server.perplexity("base")).isEqualTo(before);
            assertThat(server.perplexity(model).asDouble()).isPositive().isLessThan(before.asDouble());
            assertThat(server.get("/v1/models/" + model).ok().get("parent").asText())
                    .isEqualTo("base");
            ObjectNode ab =
                    TrainingServer.JSON.createObjectNode().put("max_tokens", 2).put("stream", false);
            ab.putArray("prompts").add("the fox");
            ab.putArray("variants").add("base").add(model);
            server.post("/v1/ab", ab).ok();
            String results = job.at("/result_files/0").asText();
            assertThat(server.get("/v1/files/" + results).ok().get("purpose").asText())
                    .isEqualTo("fine-tune-results");
            Path checkpoints = folder.resolve("jobs").resolve(id).resolve("checkpoints");
            while (Files.exists(checkpoints)) { // removed after the job has ended; the test's time limit ends this
                LockSupport.parkNanos(5_000_000);
            }

            server.delete("/v1/models/base").refused(403, "model_not_deletable");
            assertThat(server.delete("/v1/models/" + model).ok().get("deleted").asBoolean())
                    .isTrue();
            server.get("/v1/models/" + model).refused(404, "model_not_found");
            assertThat(folder.resolve("deltas").resolve(model)).doesNotExist();
        }
    }

    @Test
    void aServerThatIsStoppedInTheMiddleGoesOnWithTheVerySteps() {
        String id;
        String waiting;
        try (TrainingServer server = new TrainingServer(folder)) {
            String file = server.data("foxes.jsonl", TrainingServer.rows(40));
            id = server.create(TrainingServer.request(file, STEPS));
            waiting = server.create(TrainingServer.request(file, STEPS));
            server.awaitSteps(id, 6);
        }
        try (TrainingServer server = new TrainingServer(folder)) {
            assertThat(server.job(id).get("status").asText()).isIn("running", "succeeded");
            JsonNode job = server.await(id, "succeeded");
            assertThat(server.events(id))
                    .anyMatch(event -> event.get("message").asText().equals("The job goes on"));
            assertThat(server.losses(id)).hasSize(STEPS);
            server.await(waiting, "succeeded");
            assertThat(server.losses(waiting)).isEqualTo(server.losses(id));
            assertThat(server.perplexity(
                            server.job(waiting).get("fine_tuned_model").asText()))
                    .isEqualTo(server.perplexity(job.get("fine_tuned_model").asText()));
        }
        try (TrainingServer server = new TrainingServer(folder)) { // and what was made is served again
            assertThat(server.perplexity(server.job(id).get("fine_tuned_model").asText())
                            .isNumber())
                    .isTrue();
        }
    }

    @Test
    void jobsRunOneAtATimeAndCanBePausedResumedAndCancelled() {
        Path cancelled;
        try (TrainingServer server = new TrainingServer(folder)) {
            String file = server.data("foxes.jsonl", TrainingServer.rows(40));
            String first = server.create(TrainingServer.request(file, 100_000));
            String second = server.create(TrainingServer.request(file, 8));
            server.awaitSteps(first, 2);
            assertThat(server.job(second).get("status").asText()).isIn("validating_files", "queued");
            server.delete("/v1/files/" + file).refused(409, "file_in_use");

            assertThat(pause(server, first).ok().get("status").asText()).isEqualTo("paused");
            pause(server, first).refused(409, "invalid_job_state");
            server.await(second, "succeeded");
            int made = server.losses(first).size();
            assertThat(server.job(first).get("status").asText()).isEqualTo("paused");

            server.post("/v1/fine_tuning/jobs/" + first + "/resume").ok();
            server.awaitSteps(first, made + 3);
            assertThat(server.post("/v1/fine_tuning/jobs/" + first + "/cancel")
                            .ok()
                            .get("status")
                            .asText())
                    .isEqualTo("cancelled");
            server.post("/v1/fine_tuning/jobs/" + first + "/resume").refused(409, "invalid_job_state");
            server.post("/v1/fine_tuning/jobs/" + second + "/cancel").refused(409, "invalid_job_state");
            assertThat(server.job(first).get("fine_tuned_model").isNull()).isTrue();
            server.delete("/v1/files/" + file).ok();
            cancelled = folder.resolve("jobs").resolve(first);
        }
        assertThat(cancelled).doesNotExist();
    }

    private static Answer pause(TrainingServer server, String id) {
        return server.post("/v1/fine_tuning/jobs/" + id + "/pause");
    }

    @Test
    void requestsGetTheSameAnswersWhileAJobRuns() {
        try (TrainingServer server = new TrainingServer(folder)) {
            JsonNode alone = server.perplexity("base");
            String id =
                    server.create(TrainingServer.request(server.data("foxes.jsonl", TrainingServer.rows(40)), 100_000));
            server.awaitSteps(id, 2);
            int before = server.losses(id).size();
            for (int i = 0; i < 50; i++) {
                assertThat(server.perplexity("base")).isEqualTo(alone);
            }
            server.awaitSteps(id, before + 1);
            assertThat(server.job(id).get("status").asText()).isEqualTo("running");
            server.post("/v1/fine_tuning/jobs/" + id + "/cancel").ok();
        }
    }

    @ParameterizedTest
    @CsvSource({"full,''", "lora,''", "adalora,''", "expand,preset=llama-pro"})
    void everyMethodThatCanBeServedIs(String method, String layout) {
        try (TrainingServer server = new TrainingServer(folder)) {
            ObjectNode request = TrainingServer.request(server.data("foxes.jsonl", TrainingServer.rows(40)), 4);
            ObjectNode slayer = (ObjectNode) request.at("/method/slayer");
            slayer.put("name", method).remove("slots");
            if (!layout.isEmpty()) {
                slayer.put("layout", layout).put("slots", "inserted");
            }
            String model = server.await(server.create(request), "succeeded")
                    .get("fine_tuned_model")
                    .asText();
            assertThat(server.perplexity(model)).isNotEqualTo(server.perplexity("base"));
        }
    }

    @Test
    void openAisSupervisedMethodTrainsAndHyperparametersAreMapped() {
        try (TrainingServer server = new TrainingServer(folder)) {
            StringBuilder rows = new StringBuilder();
            for (int i = 0; i < 12; i++) {
                rows.append("{\"prompt\":\"fox %d?\",\"completion\":\" hill %d\"}\n".formatted(i, i * 7));
            }
            String file = server.data("answers.jsonl", rows.toString());
            ObjectNode request =
                    TrainingServer.JSON.createObjectNode().put("model", "base").put("training_file", file);
            request.put("validation_file", server.data("held.jsonl", rows.toString()));
            request.putObject("metadata").put("who", "a test");
            request.putObject("method")
                    .put("type", "supervised")
                    .putObject("supervised")
                    .putObject("hyperparameters")
                    .put("n_epochs", 2)
                    .put("batch_size", "auto")
                    .put("learning_rate_multiplier", 0.5);
            String id = server.create(request);
            JsonNode job = server.await(id, "succeeded");
            assertThat(job.at("/hyperparameters/n_epochs").asInt()).isEqualTo(2);
            assertThat(job.at("/hyperparameters/learning_rate_multiplier").asDouble())
                    .isEqualTo(0.5);
            assertThat(job.at("/method/type").asText()).isEqualTo("supervised");
            JsonNode checkpoint = server.get("/v1/fine_tuning/jobs/" + id + "/checkpoints")
                    .ok()
                    .at("/data/0");
            assertThat(checkpoint.get("fine_tuned_model_checkpoint")).isEqualTo(job.get("fine_tuned_model"));
            assertThat(checkpoint.at("/metrics/valid_loss").isNumber()).isTrue();
            assertThat(checkpoint.at("/metrics/train_mean_token_accuracy").asDouble(-1))
                    .isBetween(0.0, 1.0);
            assertThat(checkpoint.at("/metrics/full_valid_mean_token_accuracy").asDouble(-1))
                    .isBetween(0.0, 1.0);
            assertThat(server.get("/v1/fine_tuning/jobs?metadata[who]=a%20test")
                            .ok()
                            .get("data"))
                    .hasSize(1);
            assertThat(server.get("/v1/fine_tuning/jobs?metadata[who]=another")
                            .ok()
                            .get("data"))
                    .isEmpty();
            assertThat(server.get("/v1/fine_tuning/jobs?metadata=null").ok().get("data"))
                    .isEmpty();
        }
    }

    @Test
    void aVariantThatAStrategyMadeIsTrainedWhereTheStrategySays() {
        try (TrainingServer server = new TrainingServer(folder)) {
            ObjectNode variant =
                    TrainingServer.JSON.createObjectNode().put("name", "pro").put("preset", "llama-pro");
            JsonNode made = server.post("/v1/variants", variant).body();
            ObjectNode request = TrainingServer.request(server.data("foxes.jsonl", TrainingServer.rows(40)), 4)
                    .put("model", "pro");
            ((ObjectNode) request.at("/method/slayer")).remove("slots");
            String model = server.await(server.create(request), "succeeded")
                    .get("fine_tuned_model")
                    .asText();
            List<Integer> trainable = new ArrayList<>();
            made.get("slots").forEach(slot -> {
                if (slot.get("trainable").asBoolean()) {
                    trainable.add(slot.get("slot").asInt());
                }
            });
            List<Integer> trained = new ArrayList<>();
            server.get("/v1/deltas/" + model).ok().get("slots").forEach(slot -> trained.add(slot.asInt()));
            assertThat(trained).isNotEmpty().isEqualTo(trainable);
        }
    }

    @Test
    void whatAJobHasMadeIsTrainedOnInAnother() {
        try (TrainingServer server = new TrainingServer(folder)) {
            String file = server.data("foxes.jsonl", TrainingServer.rows(40));
            ObjectNode request = TrainingServer.request(file, 12);
            ((ObjectNode) request.at("/method/slayer")).put("head", true);
            String first = server.await(server.create(request), "succeeded")
                    .get("fine_tuned_model")
                    .asText();
            String second = server.await(server.create(request.deepCopy().put("model", first)), "succeeded")
                    .get("fine_tuned_model")
                    .asText();
            assertThat(server.perplexity(second).asDouble())
                    .isLessThan(server.perplexity(first).asDouble());
            server.delete("/v1/models/" + first).refused(409, "checkpoint_in_use");
            String third = server.await(server.create(request), "succeeded")
                    .get("fine_tuned_model")
                    .asText();
            server.post(
                            "/v1/deltas/unload",
                            TrainingServer.JSON.createObjectNode().put("name", third))
                    .ok();
            server.delete("/v1/models/" + third).ok();
            server.delete("/v1/models/" + third).refused(404, "model_not_found");
        }
        try (TrainingServer server = new TrainingServer(folder)) {
            assertThat(server.get("/v1/deltas").ok().get("data"))
                    .allMatch(delta -> delta.get("state").asText().equals("loaded"))
                    .hasSize(2);
        }
    }

    @Test
    void badDataFailsTheJobWithTheFileAndTheLine() {
        try (TrainingServer server = new TrainingServer(folder)) {
            String id = server.create(TrainingServer.request(server.data("bad.jsonl", "{\"text\":\n".repeat(200)), 4));
            JsonNode error = server.await(id, "failed").get("error");
            assertThat(error.get("message").asText()).contains(".jsonl");
            assertThat(error.get("code").asText()).isNotEmpty();
            String exploding = server.create(withRate(
                    TrainingServer.request(server.data("foxes.jsonl", TrainingServer.rows(40)), 40), "1.0e+30"));
            assertThat(server.await(exploding, "failed").at("/error/code").asText())
                    .isEqualTo("loss_not_finite");
            assertThat(folder.resolve("jobs").resolve(exploding).resolve("refused-batch.json"))
                    .exists();
        }
    }

    private static ObjectNode withRate(ObjectNode request, String rate) {
        ObjectNode slayer = (ObjectNode) request.at("/method/slayer");
        slayer.put("slots", "all").put("recipe", slayer.get("recipe").asText().replace("0.003", rate));
        return request;
    }

    @Test
    void whatCannotBeTrainedIsRefusedAtOnce() {
        try (TrainingServer server = new TrainingServer(folder)) {
            String file = server.data("foxes.jsonl", TrainingServer.rows(40));
            String note = server.upload(
                            new TrainingServer.Part("purpose", "", "assistants"),
                            new TrainingServer.Part("file", "note.jsonl", "{}"))
                    .ok()
                    .get("id")
                    .asText();
            refuse(server, TrainingServer.request("file-none", 4), 404, "file_not_found", "training_file");
            refuse(server, TrainingServer.request(note, 4), 400, "invalid_value", "training_file");
            refuse(
                    server,
                    TrainingServer.request(server.data("foxes.exe", "x"), 4),
                    400,
                    "invalid_value",
                    "training_file");
            refuse(server, TrainingServer.request(file, 4).put("model", "nobody"), 404, "model_not_found", "model");
            refuse(server, TrainingServer.request(file, 4).put("suffix", "../up"), 400, "invalid_value", "suffix");
            refuse(server, TrainingServer.request(file, 4).put("seed", -1), 400, "invalid_value", "seed");
            for (String recipe : List.of(
                    "data: {sources: [/etc/passwd]}",
                    "data: {validation: [\"a=/etc/passwd\"]}",
                    "model: /etc",
                    "data: {length: 100000}",
                    "data: {shuffle: 99999999, length: 32}",
                    "run: {threads: 64}",
                    "run: {device: cuda}",
                    "run: {keep: 500}",
                    "optimizer: {batch: 0}",
                    "nothing: {of: this}",
                    "[1, 2]",
                    "{",
                    "a: &a [1]\nb: [*a, *a]",
                    "{data: {length: 32}, optimizer: [1]}")) {
                ObjectNode request = TrainingServer.request(file, 4);
                ((ObjectNode) request.at("/method/slayer")).put("recipe", recipe);
                Answer answer = server.post("/v1/fine_tuning/jobs", request);
                assertThat(answer.status()).as(recipe + " " + answer.body()).isEqualTo(400);
            }
            ObjectNode adapters = TrainingServer.request(file, 4);
            ((ObjectNode) adapters.at("/method/slayer")).put("name", "adapters");
            refuse(server, adapters, 400, "invalid_value", "method.slayer.name");
            ObjectNode endless = TrainingServer.request(file, 4);
            ((ObjectNode) endless.at("/method/slayer")).put("recipe", "# " + "x".repeat(1 << 16));
            refuse(server, endless, 400, "invalid_value", "method");
            ObjectNode dpo = TrainingServer.request(file, 4);
            dpo.putObject("method").put("type", "dpo");
            refuse(server, dpo, 400, "invalid_value", "method.type");
            assertThat(server.get("/v1/fine_tuning/jobs").ok().get("data")).isEmpty();
        }
    }

    private static Answer refuse(TrainingServer server, ObjectNode request, int status, String code, String param) {
        Answer answer = server.post("/v1/fine_tuning/jobs", request).refused(status, code);
        assertThat(answer.body().at("/error/param").asText()).isEqualTo(param);
        return answer;
    }

    @Test
    void aJobBeyondTheMemoryIsRefusedWithTheNumbers() {
        try (TrainingServer server = new TrainingServer(folder, new JobSettings(1 << 20, 1, 1 << 20, 8 << 20))) {
            ObjectNode request = TrainingServer.request(server.data("foxes.jsonl", TrainingServer.rows(40)), 4);
            Answer answer = refuse(server, request, 400, "training_memory_exceeded", "method");
            assertThat(answer.message())
                    .contains("1 MiB that this server gives")
                    .contains("--training-memory")
                    .contains("gradients")
                    .contains("activations");
        }
    }

    @Test
    void unknownIdsAre404EverywhereAndBadPagesAre400() {
        try (TrainingServer server = new TrainingServer(folder)) {
            String job = "/v1/fine_tuning/jobs/ftjob-none";
            for (String path : List.of(job, job + "/events", job + "/checkpoints")) {
                server.get(path).refused(404, "job_not_found");
            }
            for (String action : List.of("cancel", "pause", "resume")) {
                server.post(job + "/" + action).refused(404, "job_not_found");
            }
            server.get("/v1/files/file-none").refused(404, "file_not_found");
            server.get("/v1/files/file-none/content").refused(404, "file_not_found");
            server.delete("/v1/files/..%2Fslayer.mv.db").refused(404, "file_not_found");
            server.get("/v1/files?after=file-none").refused(404, "not_found");
            server.get("/v1/fine_tuning/jobs?limit=0").refused(400, "invalid_value");
            server.get("/v1/fine_tuning/jobs?limit=many").refused(400, "invalid_value");
            server.get("/v1/files?order=up").refused(400, "invalid_value");
        }
    }

    @Test
    void aServerWithoutADataFolderSaysThatItTrainsNothing() {
        try (LiveServer server = new LiveServer(Map.of("base", Golden.checkpoint("random-llama2")))) {
            assertThat(server.get("/v1/files").body()).contains("training_not_allowed");
            assertThat(server.post("/v1/fine_tuning/jobs", "{}").body()).contains("training_not_allowed");
        }
    }

    @Test
    void theOpenAiPythonClientIsContent() throws Exception {
        try (TrainingServer server = new TrainingServer(folder)) {
            OpenAiClient.Result result = OpenAiClient.run(
                    "tests/fine_tuning_client.py", List.of(), Map.of("SLAYER_BASE_URL", server.url() + "/v1"));
            assertThat(result.exitCode()).as(result.output()).isZero();
        }
    }

    @Test
    void pagesGoThroughAllJobsOnce() throws Exception {
        try (TrainingServer server = new TrainingServer(folder)) {
            String file = server.data("foxes.jsonl", TrainingServer.rows(40));
            List<String> made = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                made.add(server.create(TrainingServer.request(file, 2)));
            }
            server.await(made.getLast(), "succeeded");
            List<String> seen = new ArrayList<>();
            JsonNode page;
            String after = "";
            do {
                page = server.get("/v1/fine_tuning/jobs?limit=2" + after).ok();
                page.get("data").forEach(job -> seen.add(job.get("id").asText()));
                after = "&after=" + seen.getLast();
            } while (page.get("has_more").asBoolean());
            assertThat(seen).isEqualTo(made.reversed());
            assertThat(server.get("/v1/fine_tuning/jobs?limit=2" + after).ok().get("data"))
                    .isEmpty();
        }
        try (Stream<Path> left = Files.walk(folder.resolve("jobs"))) {
            assertThat(left).noneMatch(path -> path.getFileName().toString().startsWith("step-"));
        }
    }
}
