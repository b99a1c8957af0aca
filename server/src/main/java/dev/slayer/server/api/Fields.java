package dev.slayer.server.api;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * Reads one JSON object of a request. A field that is null counts as absent; one of the wrong type is a 400 whose message and
 * param carry the path, such as {@code messages[1].content}.
 */
record Fields(String path, ObjectNode node) {

    /** Path of a field, as messages show it. */
    String pathOf(String name) {
        return path.isEmpty() ? name : path + "." + name;
    }

    /** The value, empty if absent or null. */
    Optional<JsonNode> get(String name) {
        JsonNode value = node.get(name);
        return value == null || value.isNull() ? Optional.empty() : Optional.of(value);
    }

    boolean has(String name) {
        return get(name).isPresent();
    }

    Optional<String> text(String name) {
        return get(name).map(value -> text(value, pathOf(name)));
    }

    /** As {@link #text}, but a number or a boolean is taken as it is written: shells make {@code 7} of a model named 7. */
    Optional<String> name(String name) {
        return get(name)
                .map(value -> value.isNumber() || value.isBoolean() ? value.asText() : text(value, pathOf(name)));
    }

    boolean flag(String name, boolean absent) {
        return flag(name).orElse(absent);
    }

    Optional<Boolean> flag(String name) {
        return get(name).map(value -> {
            if (!value.isBoolean()) {
                throw wrong(pathOf(name), value, "true or false");
            }
            return value.booleanValue();
        });
    }

    double number(String name, double absent) {
        return get(name).map(value -> number(value, pathOf(name))).orElse(absent);
    }

    OptionalInt integer(String name, int low, int high) {
        Optional<JsonNode> value = get(name);
        return value.isEmpty() ? OptionalInt.empty() : OptionalInt.of(integer(value.get(), pathOf(name), low, high));
    }

    OptionalLong whole(String name) {
        Optional<JsonNode> value = get(name);
        if (value.isEmpty()) {
            return OptionalLong.empty();
        }
        if (!value.get().canConvertToExactIntegral() || !value.get().canConvertToLong()) {
            throw wrong(pathOf(name), value.get(), "an integer of at most 64 bits");
        }
        return OptionalLong.of(value.get().longValue());
    }

    Optional<Fields> object(String name) {
        return get(name).map(value -> object(value, pathOf(name)));
    }

    /** Elements of an array with their paths; empty if absent. */
    List<Element> array(String name) {
        return get(name).map(value -> elements(value, pathOf(name))).orElse(List.of());
    }

    /** An object as plain maps, lists, strings, numbers and booleans; empty if absent. */
    Map<String, Object> map(String name) {
        return object(name).map(Fields::plain).orElse(Map.of());
    }

    /** This object as plain maps, lists, strings, numbers and booleans. */
    Map<String, Object> plain() {
        return Json.MAPPER.convertValue(node, new TypeReference<>() {});
    }

    /** An array's element. */
    record Element(JsonNode value, String path) {
        Fields object() {
            return Fields.object(value, path);
        }

        String text() {
            return Fields.text(value, path);
        }

        int integer(int low, int high) {
            return Fields.integer(value, path, low, high);
        }
    }

    static List<Element> elements(JsonNode value, String path) {
        if (!value.isArray()) {
            throw wrong(path, value, "an array");
        }
        List<Element> elements = new ArrayList<>(value.size());
        for (int i = 0; i < value.size(); i++) {
            elements.add(new Element(value.get(i), path + "[" + i + "]"));
        }
        return elements;
    }

    /** Token ids, each 0 to vocabulary-1. Builds no path unless one is wrong: there may be millions. */
    static int[] tokens(JsonNode value, String path, int vocabulary) {
        if (!value.isArray()) {
            throw wrong(path, value, "an array of token ids");
        }
        int[] tokens = new int[value.size()];
        int i = 0;
        for (JsonNode element : value) {
            if (!element.isInt() || element.intValue() < 0 || element.intValue() >= vocabulary) {
                throw wrong(path + "[" + i + "]", element, "a token id from 0 to " + (vocabulary - 1));
            }
            tokens[i++] = element.intValue();
        }
        return tokens;
    }

    static Fields object(JsonNode value, String path) {
        if (value instanceof ObjectNode object) {
            return new Fields(path, object);
        }
        throw wrong(path, value, "an object");
    }

    static String text(JsonNode value, String path) {
        if (!value.isTextual()) {
            throw wrong(path, value, "a string");
        }
        return wholeCharacters(value.textValue(), path);
    }

    /** Refuses half a surrogate pair: no tokenizer can take it. */
    static String wholeCharacters(String text, String path) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i))) {
                if (Character.isLowSurrogate(text.charAt(i))
                        || i + 1 == text.length()
                        || !Character.isLowSurrogate(text.charAt(i + 1))) {
                    throw SlayerException.badRequest(
                            path, path + " holds half a surrogate pair at character " + i + "; send whole characters.");
                }
                i++;
            }
        }
        return text;
    }

    static double number(JsonNode value, String path) {
        if (!value.isNumber() || !Double.isFinite(value.doubleValue())) {
            throw wrong(path, value, "a number");
        }
        return value.doubleValue();
    }

    static int integer(JsonNode value, String path, int low, int high) {
        if (!value.canConvertToExactIntegral()) {
            throw wrong(path, value, "an integer");
        }
        if (!value.canConvertToInt() || value.intValue() < low || value.intValue() > high) {
            throw SlayerException.badRequest(
                    path,
                    path + "=" + Excerpt.of(value.asText()) + " is out of range; allowed: " + low
                            + (high == Integer.MAX_VALUE ? " or more." : " to " + high + "."));
        }
        return value.intValue();
    }

    /** The one sentence for a value of the wrong type. */
    static SlayerException wrong(String path, JsonNode value, String wanted) {
        String shown = switch (value.getNodeType()) {
            case ARRAY -> "an array";
            case OBJECT -> "an object";
            case NULL -> "null";
            case STRING -> "the string '" + Excerpt.of(value.textValue()) + "'";
            default -> Excerpt.of(value.asText());
        };
        return SlayerException.badRequest(path, path + " is " + shown + "; " + wanted + " is needed.");
    }
}
