package dev.slayer.server.guide;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.text.Vocabulary;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** What a constraint costs the engine's thread for each token; prints processor time for docs/benchmarks.md, and claims no times. */
class GuideCostTest {
    private static final int TOKENS = 150;
    private static final Map<String, Constraint> CONSTRAINTS = new TreeMap<>(Map.of(
            "json_schema",
            new Constraint.Schema("{\"type\":\"array\",\"minItems\":300,\"items\":{\"type\":\"object\",\"properties\":{"
                    + "\"name\":{\"type\":\"string\"},\"age\":{\"type\":\"integer\"},\"friend\":{\"type\":[\"boolean\",\"null\"]}},"
                    + "\"required\":[\"name\",\"age\",\"friend\"]}}"),
            "regex, few states",
            new Constraint.Regex("([a-z]+ )*x"),
            "regex, a state per character",
            new Constraint.Regex("[a-z ,.]{4000}")));

    @Test
    void theSecondAnswerFindsTheMasksOfTheFirst() {
        Map<String, Vocabulary> vocabularies = new TreeMap<>(Map.of(
                "slayer-tiny, 2,048 tokens",
                Walks.TOKENIZERS.get(1).vocabulary(),
                "random words, 128,256 tokens",
                words(128_256)));
        CONSTRAINTS.forEach((name, constraint) -> vocabularies.forEach((of, vocabulary) -> {
            Guides guides = new Guides();
            walk(guides.compile(vocabulary, "warm-up", new Constraint.Schema("{\"type\":\"object\"}")), vocabulary, 1);
            Guide guide = guides.compile(vocabulary, "field", constraint);
            List<long[]> masks = new ArrayList<>();
            double first = walk(guide, vocabulary, 5, masks);
            List<long[]> again = new ArrayList<>();
            double second = walk(guide, vocabulary, 5, again);
            System.out.printf(
                    "%-29s %-29s first %7.1f, again %7.1f us of processor time a token%n", name, of, first, second);
            if (vocabulary.size() < 10_000) { // of a large one only the last masks are kept
                for (int i = 0; i < TOKENS; i++) {
                    assertThat(again.get(i)).isSameAs(masks.get(i));
                }
            }
        }));
    }

    private static double walk(Guide guide, Vocabulary vocabulary, int seed) {
        return walk(guide, vocabulary, seed, new ArrayList<>());
    }

    /** Microseconds of processor time that masking and following takes for each token. */
    private static double walk(Guide guide, Vocabulary vocabulary, int seed, List<long[]> masks) {
        Random random = new Random(seed);
        float[] logits = new float[vocabulary.size()];
        GuideState state = guide.begin(false);
        Guide.State machine = guide.start();
        long spent = 0;
        for (int i = 0; i < TOKENS && !state.exhausted(); i++) {
            for (int token = 0; token < logits.length; token++) {
                logits[token] = random.nextFloat() / Math.max(1, vocabulary.bytes(token).length);
            }
            long begin = now();
            state.restrict(logits, logits.length, Set.of());
            spent += now() - begin;
            masks.add(guide.mask(machine, false));
            int best = 0;
            for (int token = 1; token < logits.length; token++) {
                best = logits[token] > logits[best] ? token : best;
            }
            machine = guide.advance(machine, vocabulary.bytes(best), 0);
            begin = now();
            state.advance(best);
            state.exhausted();
            spent += now() - begin;
        }
        return spent / 1e3 / TOKENS;
    }

    private static long now() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    /** As many tokens as a large vocabulary has: all bytes, then words of one to twelve letters, half of them behind a space. */
    private static Vocabulary words(int size) {
        Random random = new Random(3);
        byte[][] texts = new byte[size][];
        for (int token = 0; token < size; token++) {
            StringBuilder word = new StringBuilder(random.nextBoolean() ? " " : "");
            int length = 1 + (int) Math.min(11, Math.abs(random.nextGaussian()) * 5);
            for (int i = 0; i < length; i++) {
                word.append((char) ('a' + Math.min(25, (int) (Math.abs(random.nextGaussian()) * 9))));
            }
            texts[token] =
                    token < 256 ? new byte[] {(byte) token} : word.toString().getBytes(StandardCharsets.UTF_8);
        }
        return new Vocabulary() {
            @Override
            public int size() {
                return size;
            }

            @Override
            public byte[] bytes(int token) {
                return texts[token];
            }

            @Override
            public boolean special(int token) {
                return false;
            }

            @Override
            public String piece(int token) {
                return new String(texts[token], StandardCharsets.UTF_8);
            }

            @Override
            public boolean fallbackByte(int token) {
                return false;
            }

            @Override
            public boolean dropsLeadingSpace() {
                return false;
            }
        };
    }
}
