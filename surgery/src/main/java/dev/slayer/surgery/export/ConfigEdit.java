package dev.slayer.surgery.export;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import dev.slayer.surgery.checkpoint.CheckpointException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;

/** Changes the depth in a config.json and leaves every other character as it is. */
final class ConfigEdit {
    private static final String DEPTH = "num_hidden_layers";
    private static final String TYPES = "layer_types";
    private static final JsonFactory FACTORY = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private final Path file;
    private final String text;
    private final int depth;
    private final StringBuilder edited = new StringBuilder();
    private int copied;

    private ConfigEdit(Path file, String text, int depth) {
        this.file = file;
        this.text = text;
        this.depth = depth;
    }

    /**
     * The text with another depth. A list of layer types, all the same in every model that can be opened, gets that length.
     *
     * @throws CheckpointException if it says something else of each layer, which cannot be carried over to other layers
     */
    static String withDepth(Path file, int depth) {
        try {
            return new ConfigEdit(file, Files.readString(file, StandardCharsets.UTF_8), depth).edit();
        } catch (IOException e) {
            throw new CheckpointException(file, "cannot be read", e);
        }
    }

    private String edit() throws IOException {
        try (JsonParser parser = FACTORY.createParser(text)) {
            parser.nextToken();
            boolean found = false;
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String key = parser.currentName();
                int start = offset(parser, parser.nextToken());
                boolean array = parser.currentToken() == JsonToken.START_ARRAY;
                if (key.equals(DEPTH)) {
                    replace(start, start + parser.getTextLength(), Integer.toString(depth));
                    found = true;
                } else if (array && key.equals(TYPES)) {
                    String type = parser.nextToken() == JsonToken.VALUE_STRING ? parser.getText() : null;
                    while (parser.currentToken() != JsonToken.END_ARRAY) {
                        parser.nextToken();
                    }
                    replace(start, offset(parser, parser.currentToken()) + 1, types(type));
                } else if (array && key.contains("layer")) {
                    throw new CheckpointException(
                            file,
                            "'" + key + "' lists something about layers that an edited stack cannot carry over;"
                                    + " remove the key if the model does not need it");
                } else {
                    parser.skipChildren();
                }
            }
            if (!found) {
                throw new CheckpointException(file, "'" + DEPTH + "' is missing");
            }
        }
        return edited.append(text, copied, text.length()).toString();
    }

    private static int offset(JsonParser parser, JsonToken token) {
        if (token == null) {
            throw new IllegalStateException("no token");
        }
        return Math.toIntExact(parser.currentTokenLocation().getCharOffset());
    }

    private String types(String type) {
        return type == null ? "[]" : "[\"" + String.join("\", \"", Collections.nCopies(depth, type)) + "\"]";
    }

    private void replace(int from, int to, String by) {
        edited.append(text, copied, from).append(by);
        copied = to;
    }
}
