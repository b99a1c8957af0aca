package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.golden.GoldenEmbeddings;
import dev.slayer.server.golden.GoldenEmbeddings.Embedding;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

/** A whole server gives transformers' vectors, however a stack is named and whatever else it answers meanwhile. */
class EmbeddingsServerTest {
    private static final String PATH = "/v1/embeddings";

    private static LiveServer server() {
        return new LiveServer(Map.of("slayer-tiny", Golden.checkpoint("slayer-tiny")));
    }

    private static ObjectNode body(Embedding embedding) {
        return LiveServer.body().set("input", LiveServer.JSON.valueToTree(embedding.ids()));
    }

    private static void assertGolden(JsonNode answer, Embedding embedding, String how) {
        double length =
                Math.sqrt(Arrays.stream(embedding.mean()).map(x -> x * x).sum());
        List<Double> vector = LiveServer.doubles(answer.at("/data/0/embedding"));
        assertThat(vector).hasSize(embedding.mean().length);
        for (int i = 0; i < vector.size(); i++) {
            assertThat(vector.get(i))
                    .as("%s, %s, place %d", embedding, how, i)
                    .isCloseTo(embedding.mean()[i] / length, within(1e-4));
        }
        assertThat(answer.at("/usage/prompt_tokens").asInt()).isEqualTo(embedding.ids().length);
    }

    @Test
    void aStackNamedByQueryFieldPathOrVariantHasTransformersVectors() {
        try (LiveServer server = server()) {
            GoldenEmbeddings.Model golden = GoldenEmbeddings.of("slayer-tiny");
            String edited = golden.layouts().get(1);
            ObjectNode variant = LiveServer.body().put("name", "edited").put("layout", edited);
            assertThat(server.post("/v1/variants", variant.toString()).statusCode())
                    .isEqualTo(201);
            String encoded = URLEncoder.encode(edited, StandardCharsets.UTF_8);
            for (Embedding embedding : golden.embeddings()) {
                ObjectNode body = body(embedding);
                if (embedding.layout().isEmpty()) {
                    assertGolden(server.ask(PATH, body), embedding, "default");
                } else if (embedding.layout().equals(edited)) {
                    assertGolden(server.ask(PATH + "?layers=" + encoded, body), embedding, "query");
                    assertGolden(server.ask("/m/slayer-tiny@" + encoded + PATH, body), embedding, "path");
                    assertGolden(server.ask(PATH, body.put("model", "slayer-tiny@" + edited)), embedding, "field");
                    assertGolden(server.ask(PATH, body.put("model", "edited")), embedding, "variant");
                }
            }
        }
    }

    @Test
    void vectorsOfAllStacksBesideCompletionsOfOthersAreTransformersToo() {
        try (LiveServer server = server();
                ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Embedding> embeddings = GoldenEmbeddings.of("slayer-tiny").embeddings();
            List<CompletableFuture<JsonNode>> vectors = new ArrayList<>();
            List<CompletableFuture<JsonNode>> completions = new ArrayList<>();
            for (Embedding embedding : embeddings) {
                String layout = embedding.layout().isEmpty() ? "0-11" : embedding.layout();
                ObjectNode body = body(embedding).put("model", "slayer-tiny@" + layout);
                vectors.add(CompletableFuture.supplyAsync(() -> server.ask(PATH, body), clients));
                ObjectNode prompt = LiveServer.body()
                        .put("model", "slayer-tiny@remove=" + vectors.size() % 11)
                        .put("prompt", "Once upon a time")
                        .put("max_tokens", 20);
                completions.add(CompletableFuture.supplyAsync(() -> server.ask("/v1/completions", prompt), clients));
            }
            for (int i = 0; i < embeddings.size(); i++) {
                assertGolden(vectors.get(i).join(), embeddings.get(i), "among others");
                assertThat(completions.get(i).join().at("/usage/prompt_tokens").asInt())
                        .isPositive();
            }
        }
    }

    @Test
    void aTextHasTheVectorOfItsTokens() {
        try (LiveServer server = server()) {
            String text = "Once upon a time";
            JsonNode ofText = server.ask(PATH, LiveServer.body().put("input", text));
            ObjectNode ids = LiveServer.body()
                    .set("input", LiveServer.JSON.valueToTree(server.tokenize("slayer-tiny", text, true)));
            assertThat(ofText.get("data")).isEqualTo(server.ask(PATH, ids).get("data"));
        }
    }
}
