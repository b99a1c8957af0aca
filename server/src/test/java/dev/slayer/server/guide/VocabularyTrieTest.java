package dev.slayer.server.guide;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.text.Tokenizer;
import dev.slayer.server.text.Vocabulary;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class VocabularyTrieTest {
    @Test
    void aMaskHoldsExactlyTheTokensWhoseBytesTheMachineReads() {
        Constraint schema = new Constraint.Schema("{\"type\":\"array\",\"items\":{\"type\":[\"string\",\"number\"]}}");
        for (Tokenizer tokenizer : Walks.TOKENIZERS) {
            Vocabulary vocabulary = tokenizer.vocabulary();
            Guide guide = Walks.guide(tokenizer, schema);
            GuideState state = guide.begin(false);
            Guide.State machine = guide.start();
            Random random = new Random(5);
            for (int step = 0; step < 30 && !state.exhausted(); step++) {
                for (int token = 0; token < vocabulary.size(); token++) {
                    byte[] bytes = vocabulary.bytes(token);
                    boolean reads = bytes.length > 0
                            && !vocabulary.special(token)
                            && !guide.advance(machine, bytes, 0).dead();
                    assertThat(state.allows(token)).as(vocabulary.piece(token)).isEqualTo(reads);
                }
                List<Integer> allowed = Walks.allowed(state, vocabulary);
                int token = allowed.get(random.nextInt(allowed.size()));
                state.advance(token);
                machine = guide.advance(machine, vocabulary.bytes(token), 0);
            }
        }
    }

    @Test
    void theFirstSpaceMayBeOneThatDecodingDrops() {
        Tokenizer llama2 = Walks.TOKENIZERS.get(2);
        assertThat(llama2.vocabulary().dropsLeadingSpace()).isTrue();
        Guide guide = Walks.guide(llama2, new Constraint.Regex("the|x"));
        int withSpace = token(llama2.vocabulary(), " the");
        int space = token(llama2.vocabulary(), " ");
        assertThat(guide.begin(true).allows(withSpace)).isTrue();
        assertThat(guide.begin(false).allows(withSpace)).isFalse();
        GuideState state = guide.begin(true);
        assertThat(state.allows(space)).isTrue();
        state.advance(space);
        assertThat(state.allows(withSpace)).isFalse();
        assertThat(state.mayEnd()).isFalse();
    }

    private static int token(Vocabulary vocabulary, String text) {
        for (int token = 0; token < vocabulary.size(); token++) {
            if (!vocabulary.special(token)
                    && new String(vocabulary.bytes(token), StandardCharsets.UTF_8).equals(text)) {
                return token;
            }
        }
        throw new AssertionError("no token for '" + text + "'");
    }
}
