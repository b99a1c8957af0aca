package dev.slayer.server.text;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.slayer.surgery.checkpoint.CheckpointException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the vocabulary out of a tokenizer.json, as far as detokenization needs it: the BPE model's entries, the added tokens and
 * the decoder. The format is that of Hugging Face tokenizers 0.23; two families of decoders occur in Llama-like checkpoints, bytes
 * spelled as printable characters ({@code ByteLevel}), and SentencePiece's with U+2581 for the space and byte fallback.
 */
final class TokenizerFile {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** The largest vocabularies have some 260,000 entries; an id beyond this is damage. */
    private static final int MAX_ID = (1 << 22) - 1;

    private record Added(int id, String content, boolean special) {}

    private final Path file;
    private final Map<String, Integer> vocabulary = new LinkedHashMap<>();
    private final List<Added> added = new ArrayList<>();
    private String model;
    private JsonNode decoder;

    private TokenizerFile(Path file) {
        this.file = file;
    }

    /**
     * @param file named in messages
     * @param content of the file
     */
    static TokenTable vocabulary(Path file, byte[] content) {
        TokenizerFile reader = new TokenizerFile(file);
        try (JsonParser parser = JSON.createParser(content)) {
            reader.read(parser);
        } catch (IOException e) {
            throw new CheckpointException(file, "is not valid JSON: " + TextFiles.problem(e), e);
        }
        return reader.table();
    }

    private void read(JsonParser parser) throws IOException {
        if (parser.nextToken() != JsonToken.START_OBJECT) {
            throw new CheckpointException(file, "must hold one JSON object");
        }
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String field = parser.currentName();
            parser.nextToken();
            switch (field) {
                case "model" -> readModel(parser);
                case "added_tokens" -> readAdded(JSON.readTree(parser));
                case "decoder" -> decoder = JSON.readTree(parser);
                default -> parser.skipChildren();
            }
        }
        if (parser.nextToken() != null) {
            throw new CheckpointException(file, "goes on behind the end of its JSON object");
        }
    }

    private void readModel(JsonParser parser) throws IOException {
        if (parser.currentToken() != JsonToken.START_OBJECT) {
            throw new CheckpointException(file, "'model' must be an object");
        }
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String field = parser.currentName();
            JsonToken value = parser.nextToken();
            if (field.equals("type") && value == JsonToken.VALUE_STRING) {
                model = parser.getText();
            } else if (field.equals("vocab") && value == JsonToken.START_OBJECT) {
                readVocabulary(parser);
            } else {
                parser.skipChildren();
            }
        }
    }

    private void readVocabulary(JsonParser parser) throws IOException {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String piece = parser.currentName();
            if (parser.nextToken() != JsonToken.VALUE_NUMBER_INT) {
                throw new CheckpointException(file, "the id of entry '" + piece + "' is not an integer");
            }
            vocabulary.put(piece, checkedId(piece, parser.getLongValue()));
        }
    }

    private void readAdded(JsonNode list) {
        for (JsonNode token : list) {
            JsonNode content = token.path("content");
            JsonNode id = token.path("id");
            if (!content.isTextual() || !id.isIntegralNumber()) {
                throw new CheckpointException(file, "an entry of 'added_tokens' lacks its 'id' or 'content'");
            }
            boolean special = token.path("special").asBoolean(false);
            added.add(new Added(checkedId(content.textValue(), id.longValue()), content.textValue(), special));
        }
    }

    private int checkedId(String piece, long id) {
        if (id < 0 || id > MAX_ID) {
            throw new CheckpointException(
                    file, "entry '" + piece + "' has id " + id + ", outside the allowed range 0-" + MAX_ID);
        }
        return (int) id;
    }

    private TokenTable table() {
        if (!"BPE".equals(model) && !(model == null && !vocabulary.isEmpty())) {
            throw new CheckpointException(
                    file,
                    "tokenizer model '" + model + "' is not supported; supported is BPE, which Llama checkpoints use");
        }
        Decoding decoding = Decoding.of(file, decoder);
        int size = 0;
        for (int id : vocabulary.values()) {
            size = Math.max(size, id + 1);
        }
        for (Added token : added) {
            size = Math.max(size, token.id() + 1);
        }
        if (size == 0) {
            throw new CheckpointException(file, "has no vocabulary");
        }
        TokenTable table = new TokenTable(size, decoding.dropsLeadingSpace());
        vocabulary.forEach((piece, id) -> put(table, decoding, id, piece, false));
        added.forEach(token -> put(table, decoding, token.id(), token.content(), token.special()));
        return table;
    }

    private static void put(TokenTable table, Decoding decoding, int id, String piece, boolean special) {
        int fallback = decoding.fallbackByte(piece);
        byte[] text = fallback >= 0 ? new byte[] {(byte) fallback} : decoding.text(piece);
        table.put(id, piece, text, special, fallback >= 0);
    }

    /** What the file's decoder does to a single entry. */
    private sealed interface Decoding {
        byte[] text(String piece);

        /** The byte that a fallback entry stands for, or -1. */
        int fallbackByte(String piece);

        boolean dropsLeadingSpace();

        static Decoding of(Path file, JsonNode decoder) {
            if (decoder == null || decoder.isNull()) {
                throw new CheckpointException(
                        file, "has no decoder; a ByteLevel or a SentencePiece-like one is needed");
            }
            JsonNode steps = decoder.path("decoders");
            List<JsonNode> list = new ArrayList<>();
            if (type(decoder).equals("Sequence")) {
                steps.forEach(list::add);
            } else {
                list.add(decoder);
            }
            if (list.size() == 1 && type(list.getFirst()).equals("ByteLevel")) {
                return new ByteLevel();
            }
            return Pieces.of(file, list);
        }

        private static String type(JsonNode decoder) {
            return decoder.path("type").asText("(none)");
        }
    }

    /** Every byte is spelled as one printable character, as GPT-2's vocabulary did first. */
    private record ByteLevel() implements Decoding {
        private static final Map<Character, Byte> BYTES = alphabet();

        /** Printable Latin-1 bytes stand for themselves; the others follow from U+0100 on, in order. */
        private static Map<Character, Byte> alphabet() {
            Map<Character, Byte> bytes = new LinkedHashMap<>();
            int next = 0x100;
            for (int b = 0; b < 256; b++) {
                boolean printable = (b > ' ' && b <= '~') || (b >= 0xA1 && b <= 0xFF && b != 0xAD);
                bytes.put((char) (printable ? b : next++), (byte) b);
            }
            return bytes;
        }

        @Override
        public byte[] text(String piece) {
            byte[] bytes = new byte[piece.length()];
            for (int i = 0; i < bytes.length; i++) {
                Byte b = BYTES.get(piece.charAt(i));
                if (b == null) { // an added token that is written as plain text
                    return piece.getBytes(StandardCharsets.UTF_8);
                }
                bytes[i] = b;
            }
            return bytes;
        }

        @Override
        public int fallbackByte(String piece) {
            return -1;
        }

        @Override
        public boolean dropsLeadingSpace() {
            return false;
        }
    }

    /** Replace, ByteFallback, Fuse and Strip, each at most once and in this order. */
    private record Pieces(String space, boolean fallback, boolean dropsLeadingSpace) implements Decoding {
        private static final List<String> ORDER = List.of("Replace", "ByteFallback", "Fuse", "Strip");

        static Pieces of(Path file, List<JsonNode> steps) {
            String space = null;
            boolean fallback = false;
            boolean strip = false;
            int last = -1;
            for (JsonNode step : steps) {
                String type = Decoding.type(step);
                int at = ORDER.indexOf(type);
                if (at <= last) {
                    throw unsupported(file, type);
                }
                boolean fused = last == ORDER.indexOf("Fuse");
                last = at;
                switch (type) {
                    case "Replace" -> space = replaced(file, step);
                    case "ByteFallback" -> fallback = true;
                    case "Strip" -> strip = stripsOneSpace(file, step, fused);
                    default -> {}
                }
            }
            if (last < ORDER.indexOf("Fuse")) {
                throw new CheckpointException(file, "its decoder must end with Fuse, or Fuse and Strip");
            }
            return new Pieces(space, fallback, strip);
        }

        private static CheckpointException unsupported(Path file, String type) {
            return new CheckpointException(
                    file,
                    "decoder '" + type + "' is not supported here; supported are ByteLevel, and a Sequence of " + ORDER
                            + " in this order");
        }

        private static String replaced(Path file, JsonNode step) {
            JsonNode pattern = step.path("pattern").path("String");
            if (!pattern.isTextual()
                    || pattern.textValue().isEmpty()
                    || !" ".equals(step.path("content").textValue())) {
                throw unsupported(file, "Replace with a pattern or content other than a mark for the space");
            }
            return pattern.textValue();
        }

        private static boolean stripsOneSpace(Path file, JsonNode step, boolean fused) {
            boolean known = fused
                    && " ".equals(step.path("content").textValue())
                    && step.path("stop").asInt(-1) == 0
                    && step.path("start").asInt(-1) == 1;
            if (!known) {
                throw unsupported(file, "Strip of anything but one leading space");
            }
            return true;
        }

        @Override
        public byte[] text(String piece) {
            return (space == null ? piece : piece.replace(space, " ")).getBytes(StandardCharsets.UTF_8);
        }

        @Override
        public int fallbackByte(String piece) {
            if (!fallback || piece.length() != 6 || !piece.startsWith("<0x") || !piece.endsWith(">")) {
                return -1;
            }
            int high = Character.digit(piece.charAt(3), 16);
            int low = Character.digit(piece.charAt(4), 16);
            return high < 0 || low < 0 ? -1 : high * 16 + low;
        }
    }
}
