package dev.slayer.server.api;

import dev.slayer.server.text.ChatTemplate;
import dev.slayer.server.text.Tokenizer;
import dev.slayer.server.text.Vocabulary;
import dev.slayer.surgery.SlayerException;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;

/** A tokenizer without files: tokens 0 to 255 are bytes, two more are special. It puts BOS before a text. */
final class ByteTokenizer implements Tokenizer {
    static final int BOS = 256;
    static final int EOS = 257;
    static final int SIZE = 258;
    private static final Map<Integer, String> SPECIAL = Map.of(BOS, "<s>", EOS, "</s>");

    @Override
    public int[] encode(String text, boolean addSpecialTokens) {
        String all = addSpecialTokens ? "<s>" + text : text;
        StringBuilder marked = new StringBuilder();
        byte[] bytes = all.getBytes(StandardCharsets.UTF_8);
        int[] tokens = new int[bytes.length];
        int size = 0;
        String latin = new String(bytes, StandardCharsets.ISO_8859_1);
        for (int at = 0; at < bytes.length; marked.setLength(0)) {
            int special = -1;
            for (Map.Entry<Integer, String> entry : SPECIAL.entrySet()) {
                special = latin.startsWith(entry.getValue(), at) ? entry.getKey() : special;
            }
            tokens[size++] = special >= 0 ? special : bytes[at] & 0xff;
            at += special >= 0 ? SPECIAL.get(special).length() : 1;
        }
        return Arrays.copyOf(tokens, size);
    }

    @Override
    public String decode(int[] tokens, boolean skipSpecialTokens) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int token : tokens) {
            if (token >= SIZE) {
                throw SlayerException.badRequest("tokens", "token " + token + " is outside the vocabulary.");
            }
            if (!skipSpecialTokens || !SPECIAL.containsKey(token)) {
                bytes.writeBytes(bytes(token));
            }
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    static byte[] bytes(int token) {
        return token < 256 ? new byte[] {(byte) token} : SPECIAL.get(token).getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public Vocabulary vocabulary() {
        return new Vocabulary() {
            @Override
            public int size() {
                return SIZE;
            }

            @Override
            public byte[] bytes(int token) {
                return ByteTokenizer.bytes(token);
            }

            @Override
            public boolean special(int token) {
                return SPECIAL.containsKey(token);
            }

            @Override
            public String piece(int token) {
                return token < 128
                        ? Character.toString(token)
                        : SPECIAL.getOrDefault(token, "<0x%02X>".formatted(token));
            }

            @Override
            public boolean dropsLeadingSpace() {
                return false;
            }

            @Override
            public boolean fallbackByte(int token) {
                return false;
            }
        };
    }

    @Override
    public OptionalInt bosTokenId() {
        return OptionalInt.of(BOS);
    }

    @Override
    public OptionalInt eosTokenId() {
        return OptionalInt.of(EOS);
    }

    @Override
    public Optional<ChatTemplate> chatTemplate() {
        return Optional.of(new RoleColonTemplate());
    }

    @Override
    public Map<String, Object> info() {
        return Map.of("bos_token", "<s>", "eos_token", "</s>", "chat_template", "role: content");
    }

    @Override
    public void close() {}

    /** {@code <s>user: Hi\nassistant:}. */
    private static final class RoleColonTemplate implements ChatTemplate {
        @Override
        public String source() {
            return "role: content";
        }

        @Override
        public String render(
                List<Map<String, Object>> messages,
                boolean addGenerationPrompt,
                boolean continueFinalMessage,
                Map<String, Object> variables) {
            String turns = messages.stream()
                    .map(message -> message.get("role") + ": " + message.get("content"))
                    .collect(Collectors.joining("\n"));
            String preface = variables.isEmpty() ? "" : variables + "\n";
            return "<s>" + preface + turns + (continueFinalMessage ? "" : "\n")
                    + (addGenerationPrompt ? "assistant:" : "");
        }
    }
}
