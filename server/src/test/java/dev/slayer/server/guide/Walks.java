package dev.slayer.server.guide;

import dev.slayer.server.golden.Golden;
import dev.slayer.server.text.IncrementalDecoder;
import dev.slayer.server.text.Tokenizer;
import dev.slayer.server.text.Vocabulary;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** What models could do under a guide, over the vocabularies of the checkpoints in test-data. */
final class Walks {
    /** Bytes alone, SentencePiece with byte fallback that keeps or drops a leading space, byte-level BPE. */
    static final List<Tokenizer> TOKENIZERS = List.of(
            Tokenizer.bytes(),
            Tokenizer.load(Golden.checkpoint("slayer-tiny")),
            Tokenizer.load(Golden.checkpoint("random-llama2")),
            Tokenizer.load(Golden.checkpoint("random-llama3")));

    private static final int HASTE = 40;
    private static final int MOST = 3_000;
    private static final Guides GUIDES = new Guides();

    private Walks() {}

    static Guide guide(Tokenizer tokenizer, Constraint constraint) {
        return GUIDES.compile(tokenizer.vocabulary(), "field", constraint);
    }

    /** The text of random tokens, each allowed, up to an end; tends to close what is open after a while. */
    static String random(Tokenizer tokenizer, Constraint constraint, Random random) {
        Vocabulary vocabulary = tokenizer.vocabulary();
        IncrementalDecoder decoder = new IncrementalDecoder(vocabulary, new int[0], true);
        GuideState state = guide(tokenizer, constraint).begin(decoder.dropsSpace());
        StringBuilder text = new StringBuilder();
        for (int count = 0; ; count++) {
            if (state.exhausted() || (state.mayEnd() && (count > HASTE || random.nextInt(4) == 0))) {
                return text + decoder.flush();
            }
            List<Integer> allowed = allowed(state, vocabulary);
            if (allowed.isEmpty() || count > MOST) {
                throw new AssertionError("no way on from " + text);
            }
            List<Integer> closing = count < HASTE
                    ? List.of()
                    : allowed.stream()
                            .filter(token -> closes(vocabulary, token))
                            .toList();
            List<Integer> among = closing.isEmpty() ? allowed : closing;
            int token = among.get(random.nextInt(among.size()));
            state.advance(token);
            text.append(decoder.append(token));
        }
    }

    private static boolean closes(Vocabulary vocabulary, int token) {
        byte[] bytes = vocabulary.bytes(token);
        return bytes.length == 1 && "\"}]".indexOf(bytes[0]) >= 0;
    }

    static List<Integer> allowed(GuideState state, Vocabulary vocabulary) {
        List<Integer> allowed = new ArrayList<>();
        for (int token = 0; token < vocabulary.size(); token++) {
            if (state.allows(token)) {
                allowed.add(token);
            }
        }
        return allowed;
    }

    /** Whether a text can be generated under a constraint: whichever way it is cut into tokens, each must be allowed. */
    static boolean accepts(Tokenizer tokenizer, Constraint constraint, String text, Random random) {
        boolean own = accepts(tokenizer, constraint, tokenizer.encode(text, false), text);
        boolean cut = accepts(tokenizer, constraint, cut(tokenizer.vocabulary(), text, random), text);
        if (own != cut) {
            throw new AssertionError("depends on how the text is cut into tokens: " + text);
        }
        return own;
    }

    private static boolean accepts(Tokenizer tokenizer, Constraint constraint, int[] tokens, String text) {
        IncrementalDecoder decoder = new IncrementalDecoder(tokenizer.vocabulary(), new int[0], true);
        GuideState state = guide(tokenizer, constraint).begin(decoder.dropsSpace());
        StringBuilder said = new StringBuilder();
        for (int token : tokens) {
            if (!state.allows(token)) {
                return false;
            }
            state.advance(token);
            said.append(decoder.append(token));
        }
        if (!said.append(decoder.flush()).toString().equals(text)) {
            // slayer-tiny puts a space before a text that it keeps: its own tokens say something else.
            return accepts(tokenizer, constraint, cut(tokenizer.vocabulary(), text, new Random(7)), text);
        }
        return state.mayEnd();
    }

    /** Tokens of random lengths that say a text. */
    static int[] cut(Vocabulary vocabulary, String text, Random random) {
        byte[] whole = ((vocabulary.dropsLeadingSpace() ? " " : "") + text).getBytes(StandardCharsets.UTF_8);
        int[] tokens = new int[whole.length];
        int count = 0;
        for (int at = 0; at < whole.length; ) {
            List<Integer> fitting = new ArrayList<>();
            for (int token = 0; token < vocabulary.size(); token++) {
                byte[] bytes = vocabulary.bytes(token);
                if (bytes.length > 0
                        && !vocabulary.special(token)
                        && at + bytes.length <= whole.length
                        && Arrays.equals(bytes, 0, bytes.length, whole, at, at + bytes.length)) {
                    fitting.add(token);
                }
            }
            tokens[count] = fitting.get(random.nextInt(fitting.size()));
            at += vocabulary.bytes(tokens[count++]).length;
        }
        return Arrays.copyOf(tokens, count);
    }
}
