package dev.slayer.server.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.CheckpointException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerTest {
    static Stream<String> checkpoints() {
        return Golden.CHECKPOINTS.stream();
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void encodesAndDecodesAsTransformersDoes(String name) {
        JsonNode strings = Golden.read("tokenizer." + name + ".json").get("strings");
        assertThat(strings.size()).isGreaterThanOrEqualTo(60);
        try (Tokenizer tokenizer = Tokenizer.load(Golden.checkpoint(name))) {
            for (JsonNode golden : strings) {
                String text = golden.get("text").textValue();
                int[] ids = Golden.ids(golden.get("ids"));
                assertThat(tokenizer.encode(text, true)).as("ids of '%s'", text).isEqualTo(ids);
                assertThat(tokenizer.encode(text, false))
                        .as("ids of '%s' without special tokens", text)
                        .isEqualTo(Golden.ids(golden.get("ids_without_special")));
                assertThat(tokenizer.decode(ids, false))
                        .isEqualTo(golden.get("decoded").textValue());
                assertThat(tokenizer.decode(ids, true))
                        .isEqualTo(golden.get("decoded_without_special").textValue());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void longTextsAreNeitherTruncatedNorPadded(String name) {
        String text = "word ".repeat(5_000);
        try (Tokenizer tokenizer = Tokenizer.load(Golden.checkpoint(name))) {
            int[] ids = tokenizer.encode(text, false);
            assertThat(ids).hasSizeGreaterThanOrEqualTo(5_000);
            assertThat(tokenizer.decode(ids, true)).isEqualTo(text);
            assertThat(tokenizer.encode("a", false)).hasSizeLessThanOrEqualTo(2);
        }
    }

    @Test
    void namesItsSpecialTokensAndTemplate() {
        try (Tokenizer tokenizer = Tokenizer.load(Golden.checkpoint("random-llama3"))) {
            assertThat(tokenizer.bosTokenId()).hasValue(763);
            assertThat(tokenizer.eosTokenId()).hasValue(767);
            assertThat(tokenizer.info())
                    .containsEntry("bos_token", "<|begin_of_text|>")
                    .containsEntry("eos_token", "<|eot_id|>")
                    .containsEntry("pad_token", null);
            assertThat(tokenizer.info().get("chat_template"))
                    .isEqualTo(tokenizer.chatTemplate().orElseThrow().source());
        }
    }

    @Test
    void halfSurrogatePairsAreReadAsReplacementCharacters() {
        try (Tokenizer tokenizer = Tokenizer.load(Golden.checkpoint("random-llama3"))) {
            assertThat(tokenizer.encode("a\uD83Eb\uDD84", false)).isEqualTo(tokenizer.encode("a\uFFFDb\uFFFD", false));
            assertThat(tokenizer.encode("a\uDD84\uD83E", false)).isEqualTo(tokenizer.encode("a\uFFFD\uFFFD", false));
        }
    }

    @Test
    void idsOutsideTheVocabularyAreRefused() {
        try (Tokenizer tokenizer = Tokenizer.load(Golden.checkpoint("random-llama2"))) {
            for (int id : new int[] {-1, 640, Integer.MAX_VALUE}) {
                assertThatThrownBy(() -> tokenizer.decode(new int[] {5, id}, true))
                        .isInstanceOf(SlayerException.class)
                        .hasMessageContaining("token " + id)
                        .hasMessageContaining("0 to 639");
            }
        }
    }

    @Test
    void manyThreadsShareOneTokenizer() throws InterruptedException, ExecutionException {
        try (Tokenizer tokenizer = Tokenizer.load(Golden.checkpoint("slayer-tiny"));
                var threads = Executors.newFixedThreadPool(4)) {
            List<Callable<Boolean>> work = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                String text = "text number " + i + " \u65e5\u672c ".repeat(i % 7);
                work.add(() ->
                        tokenizer.decode(tokenizer.encode(text, true), true).equals(text));
            }
            for (Future<Boolean> done : threads.invokeAll(work)) {
                assertThat(done.get()).isTrue();
            }
        }
    }

    @Test
    void aClosedTokenizerRefusesCallsAndClosesOnce() {
        Tokenizer tokenizer = Tokenizer.load(Golden.checkpoint("random-llama2"));
        tokenizer.close();
        tokenizer.close();
        assertThatThrownBy(() -> tokenizer.encode("a", true)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void closingGivesTheNativeMemoryBack() throws IOException {
        Path checkpoint = Golden.checkpoint("slayer-tiny");
        openAndClose(checkpoint, 100);
        long before = residentKilobytes();
        openAndClose(checkpoint, 300);
        long closed = residentKilobytes() - before;
        List<Tokenizer> open = new ArrayList<>();
        long beforeOpen = residentKilobytes();
        for (int i = 0; i < 300; i++) {
            open.add(Tokenizer.load(checkpoint));
        }
        long kept = residentKilobytes() - beforeOpen;
        open.forEach(Tokenizer::close);
        // The Java heap moves too, so the measure is what 300 tokenizers take that are not closed.
        assertThat(closed)
                .as("growth in kB by 300 closed tokenizers; 300 open ones took %d", kept)
                .isLessThan(kept / 2);
    }

    private static void openAndClose(Path checkpoint, int times) {
        for (int i = 0; i < times; i++) {
            try (Tokenizer tokenizer = Tokenizer.load(checkpoint)) {
                assertThat(tokenizer.encode("a text", true)).isNotEmpty();
            }
        }
    }

    private static long residentKilobytes() throws IOException {
        Path status = Path.of("/proc/self/status");
        Assumptions.assumeTrue(
                Files.exists(status), "resident memory is read from /proc, which this system does not have");
        System.gc();
        return Files.readAllLines(status).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElseThrow();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{",
                "[]",
                "{}",
                "null",
                "{\"model\": 3}",
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": -1}}}"
            })
    void aMalformedFileIsNamed(String content, @TempDir Path directory) throws IOException {
        Files.writeString(directory.resolve("tokenizer.json"), content);
        assertThatThrownBy(() -> Tokenizer.load(directory))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("tokenizer.json");
    }

    @Test
    void corruptedFilesAreRefusedWithoutHarm(@TempDir Path directory) throws IOException {
        byte[] whole = Files.readAllBytes(Golden.checkpoint("random-llama3").resolve("tokenizer.json"));
        Random random = new Random(3);
        int refused = 0;
        for (int i = 0; i < 150; i++) {
            byte[] content = i % 2 == 0 ? Arrays.copyOf(whole, random.nextInt(whole.length)) : whole.clone();
            for (int flips = i % 2 == 0 ? 0 : 5; flips > 0; flips--) {
                content[random.nextInt(content.length)] ^= (byte) (1 << random.nextInt(8));
            }
            Files.write(directory.resolve("tokenizer.json"), content);
            try (Tokenizer tokenizer = Tokenizer.load(directory)) {
                assertThat(tokenizer.vocabulary().size()).isPositive(); // a flip may hit a name, and harm nothing
            } catch (CheckpointException e) {
                assertThat(e).hasMessageContaining("tokenizer.json");
                refused++;
            }
        }
        assertThat(refused).isGreaterThanOrEqualTo(75);
    }

    @Test
    void aMissingFileIsNamed(@TempDir Path directory) {
        assertThatThrownBy(() -> Tokenizer.load(directory))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("tokenizer.json")
                .hasMessageContaining("missing");
    }

    @Test
    void anOversizedConfigIsRefused(@TempDir Path directory) throws IOException {
        Files.copy(Golden.checkpoint("random-llama2").resolve("tokenizer.json"), directory.resolve("tokenizer.json"));
        Files.write(directory.resolve("tokenizer_config.json"), new byte[(4 << 20) + 1]);
        assertThatThrownBy(() -> Tokenizer.load(directory))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("tokenizer_config.json")
                .hasMessageContaining("larger");
    }

    @Test
    void theDefaultOfSeveralTemplatesCountsAndTheSeparateFileWins(@TempDir Path directory) throws IOException {
        Files.copy(Golden.checkpoint("random-llama2").resolve("tokenizer.json"), directory.resolve("tokenizer.json"));
        Files.writeString(directory.resolve("tokenizer_config.json"), """
                {"eos_token": {"content": "</s>", "lstrip": false}, "chat_template": [
                  {"name": "tool_use", "template": "tools"}, {"name": "default", "template": "plain"}]}""");
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            assertThat(tokenizer.chatTemplate().orElseThrow().source()).isEqualTo("plain");
            assertThat(tokenizer.eosTokenId()).hasValue(2);
            assertThat(tokenizer.bosTokenId()).isEmpty();
        }
        Files.writeString(directory.resolve("chat_template.jinja"), "separate");
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            assertThat(tokenizer.chatTemplate().orElseThrow().source()).isEqualTo("separate");
        }
    }

    @Test
    void bytesAreTokensOfTheByteTokenizer() {
        try (Tokenizer tokenizer = Tokenizer.bytes()) {
            String text = "<s>\u65e5 a</s><|im_end|><s";
            int[] ids = tokenizer.encode(text, false);
            assertThat(ids).isEqualTo(new int[] {256, 0xE6, 0x97, 0xA5, ' ', 'a', 257, 259, '<', 's'});
            assertThat(tokenizer.encode("a", true)).isEqualTo(new int[] {256, 'a'});
            assertThat(tokenizer.decode(ids, false)).isEqualTo(text);
            assertThat(tokenizer.decode(ids, true)).isEqualTo("\u65e5 a<s");
            assertThat(tokenizer.decode(new int[] {0xE6, 'x'}, true)).isEqualTo("\uFFFDx");
            assertThat(tokenizer.encode("\u65e5".repeat(100), true)).hasSize(301);
            assertThat("<s>".getBytes(StandardCharsets.UTF_8))
                    .isEqualTo(tokenizer.vocabulary().bytes(256));
        }
    }
}
