package dev.slayer.surgery.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * A JSON object of a configuration file, read key by key with type and range checked; each refusal names file and key.
 *
 * <p>A key whose value is null counts as absent, except for {@link #has}.
 *
 * @param file for messages
 * @param path where in the file the object is: empty, or a key followed by a dot
 */
record ConfigObject(Path file, String path, JsonNode node) {
    private static final int SIZE_LIMIT = 4 << 20;
    private static final int SHOWN_LIMIT = 60;

    static ConfigObject read(Folder folder, String name) {
        Path file = folder.named(name);
        return new ConfigObject(file, "", Json.readObject(file, folder.require(name), SIZE_LIMIT));
    }

    /** Whether the key is there, be its value null. */
    boolean has(String key) {
        return node.has(key);
    }

    Optional<JsonNode> value(String key) {
        return Optional.ofNullable(node.get(key)).filter(value -> !value.isNull());
    }

    int requiredInt(String key, int min, int max) {
        return integer(key, min, max)
                .orElseThrow(() -> refuse(key, "is missing; it must be an integer from " + min + " to " + max));
    }

    OptionalInt integer(String key, int min, int max) {
        Optional<JsonNode> value = value(key);
        return value.isEmpty() ? OptionalInt.empty() : OptionalInt.of(integer(key, value.get(), min, max));
    }

    int integer(String key, JsonNode value, int min, int max) {
        if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < min || value.intValue() > max) {
            throw refuse(key, "is " + shown(value) + ", but must be an integer from " + min + " to " + max);
        }
        return value.intValue();
    }

    double requiredNumber(String key, double min, double max) {
        return number(key, min, max)
                .orElseThrow(() -> refuse(key, "is missing; it must be a number from " + min + " to " + max));
    }

    OptionalDouble number(String key, double min, double max) {
        Optional<JsonNode> value = value(key);
        if (value.isEmpty()) {
            return OptionalDouble.empty();
        }
        double number = value.get().doubleValue();
        if (!value.get().isNumber() || !(number >= min && number <= max)) {
            throw refuse(key, "is " + shown(value.get()) + ", but must be a number from " + min + " to " + max);
        }
        return OptionalDouble.of(number);
    }

    boolean flag(String key, boolean absent) {
        Optional<JsonNode> value = value(key);
        if (value.isPresent() && !value.get().isBoolean()) {
            throw refuse(key, "is " + shown(value.get()) + ", but must be true or false");
        }
        return value.map(JsonNode::booleanValue).orElse(absent);
    }

    Optional<String> text(String key) {
        Optional<JsonNode> value = value(key);
        if (value.isPresent() && !value.get().isTextual()) {
            throw refuse(key, "is " + shown(value.get()) + ", but must be a string");
        }
        return value.map(JsonNode::textValue);
    }

    Optional<ConfigObject> object(String key) {
        Optional<JsonNode> value = value(key);
        if (value.isPresent() && !value.get().isObject()) {
            throw refuse(key, "is " + shown(value.get()) + ", but must be an object");
        }
        return value.map(object -> new ConfigObject(file, path + key + ".", object));
    }

    CheckpointException refuse(String key, String problem) {
        return new CheckpointException(file, "'" + path + key + "' " + problem);
    }

    /** A value as a message shows it: never longer than a line. */
    static String shown(JsonNode value) {
        String text = value.isContainerNode() ? (value.isArray() ? "an array" : "an object") : value.toString();
        return text.length() <= SHOWN_LIMIT ? text : text.substring(0, SHOWN_LIMIT) + "...";
    }
}
