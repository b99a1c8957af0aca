package dev.slayer.server.api;

import dev.slayer.server.text.ChatTemplate;
import dev.slayer.server.text.Tokenizer;
import dev.slayer.server.text.Vocabulary;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** Bytes as tokens, with a chat template in plain Java: what is tested here is what the API hands to a template. */
record TestTokenizer(Tokenizer bytes) implements Tokenizer {
    @Override
    public int[] encode(String text, boolean addSpecialTokens) {
        return bytes.encode(text, addSpecialTokens);
    }

    @Override
    public String decode(int[] tokens, boolean skipSpecialTokens) {
        return bytes.decode(tokens, skipSpecialTokens);
    }

    @Override
    public Vocabulary vocabulary() {
        return bytes.vocabulary();
    }

    @Override
    public OptionalInt bosTokenId() {
        return bytes.bosTokenId();
    }

    @Override
    public OptionalInt eosTokenId() {
        return bytes.eosTokenId();
    }

    @Override
    public Optional<ChatTemplate> chatTemplate() {
        return Optional.of(new ChatMl());
    }

    @Override
    public Map<String, Object> info() {
        return bytes.info();
    }

    @Override
    public void close() {
        bytes.close();
    }

    /** Turns between im_start and im_end; variables first, if there are any. */
    private static final class ChatMl implements ChatTemplate {
        @Override
        public String source() {
            return "ChatML";
        }

        @Override
        public String render(
                List<Map<String, Object>> messages,
                boolean addGenerationPrompt,
                boolean continueFinalMessage,
                Map<String, Object> variables) {
            StringBuilder text = new StringBuilder(variables.isEmpty() ? "" : variables + "\n");
            for (Map<String, Object> message : messages) {
                text.append("<|im_start|>")
                        .append(message.get("role"))
                        .append('\n')
                        .append(message.get("content"));
                text.append("<|im_end|>\n");
            }
            if (continueFinalMessage) {
                text.setLength(text.length() - "<|im_end|>\n".length());
            }
            return text.append(addGenerationPrompt ? "<|im_start|>assistant\n" : "")
                    .toString();
        }
    }
}
