package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.server.store.VariantStore;
import dev.slayer.surgery.SlayerException;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VariantsTest {
    private static final String VARIANTS = "/v1/variants";
    private static final String COMPLETIONS = "/v1/completions";

    @Test
    void aVariantIsMadeListedShownUsedAndDeleted() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            JsonNode made = create(server, "{\"name\":\"short\",\"base\":\"tiny\",\"remove\":\"6,7\"}");
            assertThat(made.get("name").asText()).isEqualTo("short");
            assertThat(made.get("object").asText()).isEqualTo("variant");
            assertThat(made.get("base").asText()).isEqualTo("tiny");
            assertThat(made.get("checkpoint").asText()).isEqualTo("tiny");
            assertThat(made.get("layout").asText()).isEqualTo("0-5");
            assertThat(made.get("available").asBoolean()).isTrue();
            assertThat(made.get("slots")).hasSize(6);
            assertThat(made.get("requests").asInt()).isZero();

            JsonNode listed = TestServer.json(server.get("/v1/models"));
            assertThat(listed.get("data").findValuesAsText("id")).containsExactly("tiny", "org/other", "short");
            assertThat(listed.at("/data/2/parent").asText()).isEqualTo("tiny");
            assertThat(listed.at("/data/2/root").asText()).isEqualTo("tiny");
            assertThat(listed.at("/data/2/max_model_len").asInt()).isEqualTo(4096);

            JsonNode answer = server.ask(COMPLETIONS, "{\"model\":\"short\",\"prompt\":\"a\"}");
            assertThat(answer.get("model").asText()).isEqualTo("short");
            assertThat(server.engine.seen().getLast().model()).isEqualTo("tiny");
            assertThat(server.engine.seen().getLast().layout().text()).isEqualTo("0-5");
            server.ask("/m/short@remove=0/v1/completions", "{\"prompt\":\"a\"}");
            assertThat(server.engine.seen().getLast().layout().text()).isEqualTo("1-5");
            JsonNode shown = TestServer.json(server.get(VARIANTS + "/short"));
            assertThat(shown.get("requests").asInt()).isEqualTo(2);
            assertThat(TestServer.json(server.get(VARIANTS)).at("/data/0/name").asText())
                    .isEqualTo("short");
            assertThat(server.get("/metrics").body())
                    .contains("slayer_variants 1.0")
                    .contains("model_name=\"short\"");

            HttpResponse<String> deleted = server.delete(VARIANTS + "/short");
            assertThat(deleted.statusCode()).isEqualTo(200);
            assertThat(TestServer.json(deleted).get("deleted").asBoolean()).isTrue();
            assertThat(server.delete(VARIANTS + "/short").statusCode()).isEqualTo(404);
            assertThat(server.get(VARIANTS + "/short").statusCode()).isEqualTo(404);
            assertThat(server.post(COMPLETIONS, "{\"model\":\"short\",\"prompt\":\"a\"}")
                            .statusCode())
                    .isEqualTo(404);
            assertThat(server.get("/metrics").body())
                    .contains("slayer_variants 0.0")
                    .doesNotContain("model_name=\"short\"");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            "layout":"0-3,avg(3:4),4-7"                             | 0-3,avg(3:4),4-7
            "layers":"0-3"                                          | 0-3
            "remove":[6,7]                                          | 0-5
            "remove":7                                              | 0-6
            "insert":["5:average"],"remove":"0","scale":"7:0.5"     | 1-5,avg(5:6),6,7*0.5
            "skip":"attn:5"                                         | 0-4,5-attn,6-7
            "preset":"llama-pro","groups":2                         | 0-3,zero(3),4-7,zero(7)
            "base":"tiny@0-5","remove":"0"                          | 1-5
            "base":"tiny@0-5"                                       | 0-5
            "base":"made","remove":"0"                              | 1-3
            "base":"org/other","layers":"0-1,tiny:2"                | 0-1,tiny:2
            "pattern":"(2+1)x2\\u007c4","init":"average"            | 0-1,avg(1:2),2-3,avg(3:4),4-7
            """)
    void everyWayToSayALayoutMakesAVariant(String fields, String layout) {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            create(server, "{\"name\":\"made\",\"layers\":\"0-3\"}");
            HttpResponse<String> response = server.post(VARIANTS, "{\"name\":\"v\"," + fields + "}");
            assertThat(response.statusCode()).as(response.body()).isEqualTo(201);
            assertThat(TestServer.json(response).get("layout").asText()).isEqualTo(layout);
        }
    }

    @Test
    void aStrategyTellsWhatItTrains() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            JsonNode made = create(server, "{\"name\":\"s\",\"preset\":\"slayer\"}");
            assertThat(made.get("slots").findValuesAsText("trainable")).contains("true", "false");
            assertThat(made.at("/parameters/head_trainable").asBoolean()).isTrue();
            assertThat(made.at("/memory/derived_blocks").size()).isPositive();
            assertThat(made.at("/parameters/trainable").asLong())
                    .isPositive()
                    .isLessThan(made.at("/parameters/total").asLong());
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {"name":"v"}                                     | 400 | layout | Nothing says
            {"remove":"1"}                                   | 400 | name   | name is missing
            {"name":"","remove":"1"}                         | 400 | name   | name is missing
            {"name":"a@b","remove":"1"}                      | 400 | name   | cannot be a name
            {"name":"a b","remove":"1"}                      | 400 | name   | cannot be a name
            {"name":"../../etc","remove":"1"}                | 400 | name   | cannot be a name
            {"name":"a/../b","remove":"1"}                   | 400 | name   | cannot be a name
            {"name":"a//b","remove":"1"}                     | 400 | name   | cannot be a name
            {"name":"/a","remove":"1"}                       | 400 | name   | cannot be a name
            {"name":"a\\u0000b","remove":"1"}                | 400 | name   | cannot be a name
            {"name":"\\ud83d\\ude00","remove":"1"}           | 400 | name   | cannot be a name
            {"name":["v"],"remove":"1"}                      | 400 | name   | a string is needed
            {"name":"tiny","remove":"1"}                     | 409 | name   | A checkpoint is called 'tiny'
            {"name":"there","remove":"1"}                    | 409 | name   | a variant 'there' already
            {"name":"v","base":"gpt","remove":"1"}           | 404 | model  | 'gpt' does not exist
            {"name":"v","removes":"1"}                       | 400 | removes | unknown
            {"name":"v","remove":"8"}                        | 400 | remove | 0-7
            {"name":"v","remove":{"a":1}}                    | 400 | remove | a string is needed
            {"name":"v","remove":[1.5]}                      | 400 | remove[0] | a string is needed
            {"name":"v","layout":"0-3","layers":"0-3"}       | 400 | layers | the same
            {"name":"v","layout":"0-7,nowhere:1"}            | 400 | layers | nowhere
            {"name":"v","groups":2}                          | 400 | groups | preset
            """)
    void refusesWhatCannotBeAVariant(String body, int status, String param, String message) {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            create(server, "{\"name\":\"there\",\"remove\":\"1\"}");
            HttpResponse<String> response = server.post(VARIANTS, body);
            assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
            JsonNode error = TestServer.json(response).get("error");
            assertThat(error.get("param").asText()).isEqualTo(param);
            assertThat(error.get("message").asText()).contains(message);
            assertThat(TestServer.json(server.get(VARIANTS)).get("data")).hasSize(1);
        }
    }

    @Test
    void aNameOf128CharactersIsTheLongestAndSlashesTravelEncoded() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            String longest = "a/" + "b".repeat(126);
            create(server, "{\"name\":\"" + longest + "\",\"remove\":\"1\"}");
            assertThat(server.get(VARIANTS + "/" + longest.replace("/", "%2F")).statusCode())
                    .isEqualTo(200);
            assertThat(server.post(VARIANTS, "{\"name\":\"" + longest + "b\",\"remove\":\"1\"}")
                            .statusCode())
                    .isEqualTo(400);
            assertThat(server.ask("/m/a%2F" + "b".repeat(126) + COMPLETIONS, "{\"prompt\":\"a\"}")
                            .get("model")
                            .asText())
                    .isEqualTo(longest);
        }
    }

    @Test
    void variantsNeedAKeyLikeTheRest() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"), settings -> settings.apiKeys = List.of("k"))) {
            for (HttpResponse<String> response : List.of(
                    server.get(VARIANTS),
                    server.get(VARIANTS + "/a"),
                    server.delete(VARIANTS + "/a"),
                    server.post(VARIANTS, "{}"),
                    server.get("/v1/checkpoints"),
                    server.post("/v1/checkpoints/load", "{}"),
                    server.post("/v1/checkpoints/unload", "{}"))) {
                assertThat(response.statusCode()).isEqualTo(401);
            }
        }
    }

    @Test
    void variantsSurviveARestartAndWaitForACheckpointThatIsNotLoaded(@TempDir Path data) {
        try (VariantStore store = VariantStore.open(data);
                TestServer server = TestServer.with(StubEngine.saying("x"), settings -> settings.store = store)) {
            create(server, "{\"name\":\"kept\",\"remove\":\"6,7\"}");
            create(server, "{\"name\":\"of-other\",\"base\":\"org/other\",\"remove\":\"0\"}");
            create(server, "{\"name\":\"mixed\",\"layers\":\"0-3,org/other:4\"}");
            create(server, "{\"name\":\"gone\",\"remove\":\"0\"}");
            server.delete(VARIANTS + "/gone");
        }
        try (VariantStore store = VariantStore.open(data);
                TestServer server = TestServer.with(StubEngine.saying("x"), settings -> {
                    settings.store = store;
                    settings.models.removeLast();
                })) {
            JsonNode list = TestServer.json(server.get(VARIANTS)).get("data");
            assertThat(list.findValuesAsText("name")).containsExactly("kept", "of-other", "mixed");
            assertThat(list.findValuesAsText("available")).containsExactly("true", "false", "false");
            assertThat(list.get(1).get("obstacle").asText())
                    .contains("'org/other'")
                    .contains("--model org/other=DIR");
            assertThat(TestServer.json(server.get("/v1/models")).get("data").findValuesAsText("id"))
                    .containsExactly("tiny", "kept");
            HttpResponse<String> refused = server.post(COMPLETIONS, "{\"model\":\"of-other\",\"prompt\":\"a\"}");
            assertThat(refused.statusCode()).isEqualTo(404);
            assertThat(TestServer.json(refused).at("/error/message").asText()).contains("not loaded");
            JsonNode one = TestServer.json(server.get(VARIANTS + "/mixed"));
            assertThat(one.get("layout").asText()).isEqualTo("0-3,org/other:4");
            assertThat(server.ask(COMPLETIONS, "{\"model\":\"kept\",\"prompt\":\"a\"}")
                            .get("model")
                            .asText())
                    .isEqualTo("kept");
            assertThat(server.post(VARIANTS, "{\"name\":\"mixed\",\"remove\":\"0\"}")
                            .statusCode())
                    .isEqualTo(409);
            assertThat(server.delete(VARIANTS + "/of-other").statusCode()).isEqualTo(200);
        }
        try (VariantStore store = VariantStore.open(data);
                TestServer server = TestServer.with(StubEngine.saying("x"), settings -> settings.store = store)) {
            assertThat(TestServer.json(server.get(VARIANTS)).get("data").findValuesAsText("available"))
                    .containsExactly("true", "true");
        }
    }

    @Test
    void deletingAVariantUnderLoadBreaksNoRequest() throws Exception {
        try (TestServer server =
                        TestServer.with(StubEngine.saying("whole answer").pace(Duration.ofMillis(1)));
                ExecutorService clients = Executors.newFixedThreadPool(12)) {
            AtomicBoolean over = new AtomicBoolean();
            List<Future<Integer>> answers = new ArrayList<>();
            create(server, "{\"name\":\"v\",\"remove\":\"0\"}");
            for (int i = 0; i < 12; i++) {
                boolean stream = i % 2 == 0;
                answers.add(clients.submit(() -> ask(server, stream, over)));
            }
            for (int i = 0; i < 40; i++) {
                long served = server.engine.emitted();
                TestServer.await("requests run", () -> server.engine.emitted() > served + 24);
                assertThat(server.delete(VARIANTS + "/v").statusCode()).isEqualTo(200);
                create(server, "{\"name\":\"v\",\"remove\":\"" + i % 8 + "\"}");
            }
            over.set(true);
            int answered = 0;
            for (Future<Integer> count : answers) {
                answered += count.get(30, TimeUnit.SECONDS);
            }
            assertThat(answered).isGreaterThan(80);
            assertThat(server.engine.cancelled()).isZero();
        }
    }

    /** Asks until told to stop; each answer is whole, or the variant is not there just now. */
    private static int ask(TestServer server, boolean stream, AtomicBoolean over) {
        int answered = 0;
        while (!over.get()) {
            HttpResponse<String> response =
                    server.post(COMPLETIONS, "{\"model\":\"v\",\"prompt\":\"a\",\"stream\":" + stream + "}");
            if (response.statusCode() == 404) {
                continue;
            }
            assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
            if (stream) {
                assertThat(response.body()).endsWith("data: [DONE]\n\n").doesNotContain("\"error\"");
            } else {
                assertThat(TestServer.json(response).at("/choices/0/text").asText())
                        .isEqualTo("whole answer");
            }
            answered++;
        }
        return answered;
    }

    @Test
    void ofManyWhoMakeOneNameAtOnceOneGetsIt() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            List<CompletableFuture<Integer>> makers = new ArrayList<>();
            for (int i = 0; i < 16; i++) {
                makers.add(
                        CompletableFuture.supplyAsync(() -> server.post(VARIANTS, "{\"name\":\"v\",\"remove\":\"0\"}")
                                .statusCode()));
            }
            assertThat(makers.stream().map(CompletableFuture::join))
                    .containsOnlyOnce(201)
                    .containsOnly(201, 409);
        }
    }

    @Test
    void anEngineThatCannotMakeTheBlocksSaysSoBeforeTheFirstTokenOfAStreamToo() {
        SlayerException full = new SlayerException(
                507, "insufficient_memory", null, "The layout needs 10 bytes of derived blocks, there are 5.", null);
        for (StubEngine engine : List.of(
                StubEngine.saying("x").failing(full), StubEngine.saying("x").refusing(0, full))) {
            try (TestServer server = TestServer.with(engine)) {
                for (String stream : List.of("false", "true")) {
                    HttpResponse<String> response =
                            server.post(COMPLETIONS, "{\"prompt\":\"a\",\"n\":2,\"stream\":" + stream + "}");
                    assertThat(response.statusCode()).isEqualTo(507);
                    assertThat(response.headers().firstValue("content-type")).hasValue("application/json");
                    JsonNode error = TestServer.json(response).get("error");
                    assertThat(error.get("code").asText()).isEqualTo("insufficient_memory");
                    assertThat(error.get("message").asText()).contains("10 bytes");
                }
            }
        }
    }

    private static JsonNode create(TestServer server, String body) {
        HttpResponse<String> response = server.post(VARIANTS, body);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(201);
        return TestServer.json(response);
    }
}
