package dev.slayer.server.text;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Assume;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AfterContainer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class IncrementalDecoderTest {
    private static final Map<String, Tokenizer> TOKENIZERS = new HashMap<>();

    static Stream<String> checkpoints() {
        return Golden.CHECKPOINTS.stream();
    }

    private static synchronized Tokenizer tokenizer(String name) {
        return TOKENIZERS.computeIfAbsent(name, n -> Tokenizer.load(Golden.checkpoint(n)));
    }

    @AfterAll
    @AfterContainer
    static synchronized void closeTokenizers() {
        TOKENIZERS.values().forEach(Tokenizer::close);
        TOKENIZERS.clear();
    }

    private static String stream(Vocabulary vocabulary, int[] prompt, int[] tokens, boolean skip) {
        IncrementalDecoder decoder = new IncrementalDecoder(vocabulary, prompt, skip);
        StringBuilder text = new StringBuilder();
        for (int token : tokens) {
            text.append(decoder.append(token));
        }
        return text.append(decoder.flush()).toString();
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void streamsWhatTransformersDecodesAtOnce(String name) {
        Vocabulary vocabulary = tokenizer(name).vocabulary();
        for (JsonNode golden : Golden.read("tokenizer." + name + ".json").get("streams")) {
            int[] prompt = Golden.ids(golden.get("prompt"));
            int[] tokens = Golden.ids(golden.get("tokens"));
            if (golden.has("with_special")) {
                assertThat(stream(vocabulary, prompt, tokens, false))
                        .isEqualTo(golden.get("with_special").textValue());
            }
            if (golden.has("without_special")) {
                assertThat(stream(vocabulary, prompt, tokens, true))
                        .isEqualTo(golden.get("without_special").textValue());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void streamsTheGoldenGreedyText(String name) {
        Vocabulary vocabulary = tokenizer(name).vocabulary();
        for (JsonNode prompt : Golden.read(name + ".json").get("prompts")) {
            JsonNode greedy = prompt.get("greedy");
            assertThat(stream(vocabulary, Golden.ids(prompt.get("ids")), Golden.ids(greedy.get("ids")), true))
                    .isEqualTo(greedy.get("text").textValue());
        }
    }

    @Provide
    Arbitrary<String> names() {
        return Arbitraries.of(Golden.CHECKPOINTS);
    }

    /** Numbers that become ids, half of them among the first 260, where fallback bytes and special tokens are. */
    @Provide
    Arbitrary<int[]> draws() {
        Arbitrary<Integer> draw = Arbitraries.oneOf(
                Arbitraries.integers().between(0, 262), Arbitraries.integers().between(0, 1 << 20));
        return draw.array(int[].class).ofMaxSize(40);
    }

    private static int[] ids(int[] draws, Vocabulary vocabulary) {
        return Arrays.stream(draws).map(d -> d % vocabulary.size()).toArray();
    }

    @Property(tries = 2000)
    void anyTokensStreamAsTheyDecode(@ForAll("names") String name, @ForAll("draws") int[] draws, @ForAll boolean skip) {
        Tokenizer tokenizer = tokenizer(name);
        int[] tokens = ids(draws, tokenizer.vocabulary());
        Assume.that(longestFallbackRun(tokenizer.vocabulary(), tokens, skip) <= HELD);
        assertThat(stream(tokenizer.vocabulary(), new int[0], tokens, skip)).isEqualTo(tokenizer.decode(tokens, skip));
    }

    @Test
    void ofALongRunOfFallbackBytesTheFirstCharactersStayEvenIfTheRunBreaks() {
        Vocabulary vocabulary = tokenizer("random-llama2").vocabulary();
        int letter = IntStream.range(0, vocabulary.size())
                .filter(id -> vocabulary.piece(id).equals("<0x41>"))
                .findFirst()
                .orElseThrow();
        int broken = letter - 'A' + 0xFF;
        int[] tokens = new int[HELD + 2];
        Arrays.fill(tokens, letter);
        tokens[HELD + 1] = broken;
        assertThat(stream(vocabulary, new int[0], tokens, true)).isEqualTo("A".repeat(HELD) + "\uFFFD\uFFFD");
    }

    /** Beyond this many bytes of a run, characters come out before it is known whether the run is sound. */
    private static final int HELD = 16;

    private static int longestFallbackRun(Vocabulary vocabulary, int[] tokens, boolean skip) {
        int longest = 0;
        int run = 0;
        for (int token : tokens) {
            boolean silent = (skip && vocabulary.special(token)) || vocabulary.bytes(token).length == 0;
            if (!silent) {
                run = vocabulary.fallbackByte(token) ? run + 1 : 0;
                longest = Math.max(longest, run);
            }
        }
        return longest;
    }

    @Property(tries = 2000)
    void anyContinuationIsWhatDecodingAddsToThePrompt(
            @ForAll("names") String name,
            @ForAll("draws") int[] before,
            @ForAll("draws") int[] draws,
            @ForAll boolean skip) {
        Tokenizer tokenizer = tokenizer(name);
        int[] prompt = ids(before, tokenizer.vocabulary());
        int[] tokens = ids(draws, tokenizer.vocabulary());
        int[] all = Arrays.copyOf(prompt, prompt.length + tokens.length);
        System.arraycopy(tokens, 0, all, prompt.length, tokens.length);
        String shown = tokenizer.decode(prompt, skip);
        String whole = tokenizer.decode(all, skip);
        Assume.that(longestFallbackRun(tokenizer.vocabulary(), all, skip) <= HELD);
        if (whole.startsWith(shown)) { // else the tokens changed what the prompt's last bytes mean
            assertThat(stream(tokenizer.vocabulary(), prompt, tokens, skip)).isEqualTo(whole.substring(shown.length()));
        }
    }

    @Property(tries = 500)
    void anyTextStreamsInWholeCharacters(@ForAll("names") String name, @ForAll("texts") String text) {
        Tokenizer tokenizer = tokenizer(name);
        IncrementalDecoder decoder = new IncrementalDecoder(tokenizer.vocabulary(), new int[0], true);
        StringBuilder all = new StringBuilder();
        for (int token : tokenizer.encode(text, false)) {
            String piece = decoder.append(token);
            assertThat(piece).doesNotContain("\uFFFD");
            if (!piece.isEmpty()) {
                assertThat(Character.isLowSurrogate(piece.charAt(0))).isFalse();
                assertThat(Character.isHighSurrogate(piece.charAt(piece.length() - 1)))
                        .isFalse();
            }
            all.append(piece);
        }
        all.append(decoder.flush());
        assertThat(all.toString()).isEqualTo(tokenizer.decode(tokenizer.encode(text, false), true));
    }

    @Provide
    Arbitrary<String> texts() {
        return Arbitraries.strings()
                .withChars("ab .\n\u00e9\u65e5\u672c\u2603")
                .withCharRange('\u0400', '\u0420')
                .ofMaxLength(60)
                .map(s -> s.replace("\u2603", "\uD83E\uDD84"));
    }

    @Test
    void aCharacterThatBeginsInThePromptComesWhole() {
        Vocabulary vocabulary = tokenizer("random-llama3").vocabulary();
        int[] unicorn = tokenizer("random-llama3").encode("\uD83E\uDD84", false);
        int[] prompt = Arrays.copyOf(unicorn, 2);
        int[] rest = Arrays.copyOfRange(unicorn, 2, unicorn.length);
        assertThat(stream(vocabulary, prompt, rest, true)).isEqualTo("\uD83E\uDD84");
    }

    @Test
    void aLongRunOfFallbackBytesDoesNotWaitForItsEnd() {
        Tokenizer tokenizer = tokenizer("slayer-tiny");
        int[] tokens = tokenizer.encode("\u65e5\u672c\u8a9e".repeat(20), false);
        IncrementalDecoder decoder = new IncrementalDecoder(tokenizer.vocabulary(), new int[0], true);
        int shown = 0;
        for (int i = 0; i < tokens.length; i++) {
            shown += decoder.append(tokens[i]).length();
            assertThat(i + 1 - 3 * shown).as("bytes held").isLessThan(20);
        }
        assertThat(shown + decoder.flush().length()).isEqualTo(60);
    }

    @Test
    void aCutCharacterBecomesAReplacementCharacterAtTheEnd() {
        Tokenizer tokenizer = tokenizer("random-llama3");
        int[] tokens = tokenizer.encode("a\u65e5", false);
        int[] cut = Arrays.copyOf(tokens, tokens.length - 1);
        IncrementalDecoder decoder = new IncrementalDecoder(tokenizer.vocabulary(), new int[0], true);
        StringBuilder text = new StringBuilder();
        for (int token : cut) {
            text.append(decoder.append(token));
        }
        assertThat(text.toString()).isEqualTo("a");
        assertThat(decoder.flush()).isEqualTo("\uFFFD");
    }
}
