package dev.slayer.server.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.text.Tokenizer;
import dev.slayer.surgery.SlayerException;
import dev.slayer.training.data.Batch;
import dev.slayer.training.data.BatchStream;
import dev.slayer.training.data.DataOptions;
import dev.slayer.training.data.DataSource;
import dev.slayer.training.data.Message;
import dev.slayer.training.data.TrainingData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Against test-data/golden/learned.json, which transformers made. */
class CheckpointCodecTest {
    private static final int LENGTH = 512;

    @TempDir
    Path folder;

    private static DataOptions options(Path file) {
        return DataOptions.of(List.of(DataSource.parse(file.toString())), LENGTH, 1)
                .withPacking(new DataOptions.Packing(LENGTH, 1, DataOptions.Packing.Mode.WHOLE, true))
                .withOrder(new DataOptions.Order(0, 1, 0, 0, DataOptions.Order.End.ALL));
    }

    @ParameterizedTest
    @ValueSource(strings = {"slayer-tiny", "random-llama2", "random-llama3", "random-mistral"})
    void tokensAndLearnedTokensOfConversationsAreThoseOfTransformers(String name) throws IOException {
        Path directory = Golden.checkpoint(name);
        int told = 0;
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            CheckpointCodec codec = new CheckpointCodec(tokenizer, directory);
            for (JsonNode example : Golden.read("test-data/golden/learned.json").get(name)) {
                Path file = folder.resolve("one.jsonl");
                Files.writeString(file, row(example));
                if (!example.has("ids")) {
                    assertThatThrownBy(() -> batch(file, codec))
                            .isInstanceOf(SlayerException.class)
                            .hasMessageContaining("one.jsonl:1 is re");
                    continue;
                }
                Batch batch = batch(file, codec);
                assertThat(Arrays.copyOf(batch.tokens(), batch.used()[0])).isEqualTo(ints(example.get("ids")));
                assertThat(Arrays.copyOf(batch.targets(), batch.used()[0]))
                        .as("%s", example)
                        .isEqualTo(targets(example));
                told++;
            }
        }
        assertThat(told).isGreaterThanOrEqualTo(5);
    }

    private static String row(JsonNode example) {
        ArrayNode turns = new ObjectMapper().createArrayNode();
        for (JsonNode message : example.get("messages")) {
            turns.add(((ObjectNode) message.deepCopy()));
        }
        return new ObjectMapper().createObjectNode().set("messages", turns).toString();
    }

    private static Batch batch(Path file, CheckpointCodec codec) {
        try (BatchStream stream = TrainingData.open(options(file), codec).train()) {
            Batch batch = stream.next().orElseThrow();
            assertThat(stream.next()).isEmpty();
            return batch;
        }
    }

    private static int[] ints(JsonNode array) {
        int[] ints = new int[array.size()];
        Arrays.setAll(ints, i -> array.get(i).intValue());
        return ints;
    }

    private static int[] targets(JsonNode example) {
        int[] ids = ints(example.get("ids"));
        int[] learned = ints(example.get("learned"));
        int[] targets = new int[ids.length];
        Arrays.setAll(targets, i -> i + 1 < ids.length && learned[i + 1] == 1 ? ids[i + 1] : Batch.NO_TARGET);
        return targets;
    }

    @Test
    void aTextIsWhatTheTokenizerMakesOfItBetweenBosAndEos() throws IOException {
        Path directory = Golden.checkpoint("random-llama2");
        Path file = folder.resolve("a.jsonl");
        Files.writeString(file, "{\"text\":\"Hello, world!\"}");
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            CheckpointCodec codec = new CheckpointCodec(tokenizer, directory);
            Batch batch = batch(file, codec);
            List<Integer> expected = new ArrayList<>();
            Arrays.stream(tokenizer.encode("Hello, world!", true)).forEach(expected::add);
            expected.add(tokenizer.eosTokenId().getAsInt());
            assertThat(Arrays.stream(batch.tokens()).limit(batch.used()[0]).boxed())
                    .isEqualTo(expected);
        }
    }

    @Test
    void withoutAChatTemplateNothingIsRendered() throws IOException {
        Path directory = Golden.checkpoint("slayer-tiny");
        Files.copy(directory.resolve("tokenizer.json"), folder.resolve("tokenizer.json"));
        ObjectNode config = (ObjectNode) new ObjectMapper()
                .readTree(directory.resolve("tokenizer_config.json").toFile());
        config.remove("chat_template");
        Files.writeString(folder.resolve("tokenizer_config.json"), config.toString());
        try (Tokenizer tokenizer = Tokenizer.load(folder)) {
            CheckpointCodec codec = new CheckpointCodec(tokenizer, folder);
            assertThat(codec.hasChatTemplate()).isFalse();
            assertThatThrownBy(() -> codec.render(List.of(new Message("user", "a", false)), true))
                    .isInstanceOf(SlayerException.class)
                    .hasMessage("the checkpoint has no chat template");
        }
    }

    @Test
    void codecsOfDifferentTokenizersAreDifferent() {
        List<String> identities = new ArrayList<>();
        for (String name : Golden.CHECKPOINTS) {
            try (Tokenizer tokenizer = Tokenizer.load(Golden.checkpoint(name))) {
                identities.add(new CheckpointCodec(tokenizer, Golden.checkpoint(name)).identity());
                assertThat(new CheckpointCodec(tokenizer, Golden.checkpoint(name)).identity())
                        .isEqualTo(identities.getLast());
            }
        }
        assertThat(identities).doesNotHaveDuplicates();
    }
}
