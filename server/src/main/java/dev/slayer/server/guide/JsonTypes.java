package dev.slayer.server.guide;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The types of JSON Schema and the keywords that belong to them. */
final class JsonTypes {
    private static final Map<String, Set<String>> KEYWORDS = Map.of(
            "object", Set.of("properties", "required", "additionalProperties"),
            "array", Set.of("items", "minItems", "maxItems"),
            "string", Set.of("minLength", "maxLength", "pattern", "format"),
            "number", Set.of("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
            "integer", Set.of(),
            "boolean", Set.of(),
            "null", Set.of());

    private JsonTypes() {}

    static boolean knows(String keyword) {
        return KEYWORDS.values().stream().anyMatch(keywords -> keywords.contains(keyword));
    }

    /** The types that a schema names, or the one that its keywords speak of; empty is any. */
    static List<String> of(JsonNode schema, String at) {
        JsonNode type = schema.get("type");
        if (type != null) {
            List<String> named = type.isTextual() ? List.of(type.textValue()) : JsonSchema.strings(type, at + "/type");
            for (String name : named) {
                if (!KEYWORDS.containsKey(name)) {
                    throw ConstraintException.invalid("has the type '" + Shown.of(name) + "' at " + Shown.of(at)
                            + "; allowed: array, boolean, integer," + " null, number, object, string");
                }
            }
            return named.stream().distinct().toList();
        }
        List<String> meant = KEYWORDS.entrySet().stream()
                .filter(entry -> entry.getValue().stream().anyMatch(schema::has))
                .map(Map.Entry::getKey)
                .toList();
        if (meant.size() > 1) {
            throw ConstraintException.invalid("has no type at " + Shown.of(at) + ", and keywords of several");
        }
        return meant;
    }

    /** The type of a value: of a whole number {@code integer}. */
    static String of(JsonNode value) {
        return switch (value.getNodeType()) {
            case OBJECT -> "object";
            case ARRAY -> "array";
            case STRING -> "string";
            case BOOLEAN -> "boolean";
            case NUMBER -> value.canConvertToExactIntegral() ? "integer" : "number";
            default -> "null";
        };
    }

    /** Whether a value is of one of some types; none is any. */
    static boolean fits(JsonNode value, List<String> types) {
        return types.isEmpty() || types.contains(of(value)) || (value.isNumber() && types.contains("number"));
    }
}
