package dev.slayer.server.api;

import dev.slayer.server.text.ChatTemplate;
import dev.slayer.server.text.Tokenizer;
import dev.slayer.server.text.Vocabulary;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** A tokenizer with a defect. */
final class BrokenTokenizer implements Tokenizer {
    @Override
    public int[] encode(String text, boolean addSpecialTokens) {
        throw new NullPointerException("a defect");
    }

    @Override
    public String decode(int[] tokens, boolean skipSpecialTokens) {
        throw new NullPointerException("a defect");
    }

    @Override
    public Vocabulary vocabulary() {
        return StubEngine.TOKENIZER.vocabulary();
    }

    @Override
    public OptionalInt bosTokenId() {
        return OptionalInt.empty();
    }

    @Override
    public OptionalInt eosTokenId() {
        return OptionalInt.empty();
    }

    @Override
    public Optional<ChatTemplate> chatTemplate() {
        return Optional.empty();
    }

    @Override
    public Map<String, Object> info() {
        return Map.of();
    }

    @Override
    public void close() {}
}
