package dev.slayer.server.text;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** Bytes as tokens. Nothing to load and nothing to close. */
final class ByteTokenizer implements Tokenizer {
    private static final int BYTES = 256;
    private static final String BOS = "<s>";
    private static final String EOS = "</s>";
    private static final List<String> SPECIAL = List.of(BOS, EOS, "<|im_start|>", "<|im_end|>");
    private static final int BOS_ID = BYTES + SPECIAL.indexOf(BOS);
    private static final int EOS_ID = BYTES + SPECIAL.indexOf(EOS);
    private static final String TEMPLATE = "{% for message in messages %}"
            + "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}{% endfor %}"
            + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    private static final TokenizerSettings SETTINGS = new TokenizerSettings(BOS, EOS, null, TEMPLATE);

    private final TokenTable vocabulary = new TokenTable(BYTES + SPECIAL.size(), false);
    private final ChatTemplate template = ChatTemplate.of(TEMPLATE, BOS, EOS);

    ByteTokenizer() {
        for (int b = 0; b < BYTES; b++) {
            vocabulary.put(b, "<0x%02X>".formatted(b), new byte[] {(byte) b}, false, false);
        }
        for (String piece : SPECIAL) {
            int id = BYTES + SPECIAL.indexOf(piece);
            vocabulary.put(id, piece, piece.getBytes(StandardCharsets.UTF_8), true, false);
        }
    }

    @Override
    public int[] encode(String text, boolean addSpecialTokens) {
        int[] tokens = new int[1 + 3 * text.length()]; // a UTF-16 unit becomes three bytes at most
        int count = 0;
        if (addSpecialTokens) {
            tokens[count++] = BOS_ID;
        }
        int start = 0;
        for (int at = 0; at <= text.length(); at++) {
            int special = specialAt(text, at);
            if (special < 0 && at < text.length()) {
                continue;
            }
            for (byte b : text.substring(start, at).getBytes(StandardCharsets.UTF_8)) {
                tokens[count++] = b & 0xFF;
            }
            start = at;
            if (special >= 0) {
                tokens[count++] = BYTES + special;
                start += SPECIAL.get(special).length();
                at = start - 1;
            }
        }
        return Arrays.copyOf(tokens, count);
    }

    /** Which special token is written at a place of the text, or -1. */
    private static int specialAt(String text, int at) {
        if (at >= text.length() || text.charAt(at) != '<') {
            return -1;
        }
        for (int i = 0; i < SPECIAL.size(); i++) {
            if (text.startsWith(SPECIAL.get(i), at)) {
                return i;
            }
        }
        return -1;
    }

    @Override
    public String decode(int[] tokens, boolean skipSpecialTokens) {
        IncrementalDecoder decoder = new IncrementalDecoder(vocabulary, new int[0], skipSpecialTokens);
        StringBuilder text = new StringBuilder();
        for (int token : tokens) {
            text.append(decoder.append(NativeTokenizer.checked(vocabulary, token)));
        }
        return text.append(decoder.flush()).toString();
    }

    @Override
    public Vocabulary vocabulary() {
        return vocabulary;
    }

    @Override
    public OptionalInt bosTokenId() {
        return OptionalInt.of(BOS_ID);
    }

    @Override
    public OptionalInt eosTokenId() {
        return OptionalInt.of(EOS_ID);
    }

    @Override
    public Optional<ChatTemplate> chatTemplate() {
        return Optional.of(template);
    }

    @Override
    public Map<String, Object> info() {
        return SETTINGS.info();
    }

    @Override
    public void close() {}
}
