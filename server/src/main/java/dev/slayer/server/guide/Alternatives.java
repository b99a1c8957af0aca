package dev.slayer.server.guide;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Whether the schemas of a {@code oneOf} exclude each other: a value that fulfils two of them is not valid, and a mask cannot see that
 * while the value is being written. They do if their types differ, if their constants do, or if a required member tells them apart.
 */
final class Alternatives {
    private static final int MOST_REFERENCES = 20;

    private final JsonSchema schemas;

    Alternatives(JsonSchema schemas) {
        this.schemas = schemas;
    }

    /** @throws ConstraintException naming two schemas that may both hold */
    void checkExclusive(JsonNode list, String at) {
        for (int i = 0; i < list.size(); i++) {
            for (int j = i + 1; j < list.size(); j++) {
                if (!exclusive(resolved(list.get(i)), resolved(list.get(j)))) {
                    throw ConstraintException.unsupported(
                            "uses oneOf at " + Shown.of(at) + " whose schemas " + i + " and " + j
                                    + " may both hold for a value, which is not supported; tell them apart by type, by constants or by"
                                    + " a required property with constants, or use anyOf");
                }
            }
        }
    }

    private boolean exclusive(JsonNode one, JsonNode other) {
        if (!one.isObject() || !other.isObject()) {
            return false;
        }
        return typesDiffer(one, other) || constantsDiffer(one, other) || aMemberDiffers(one, other);
    }

    private static boolean typesDiffer(JsonNode one, JsonNode other) {
        Set<String> types = types(one);
        Set<String> others = types(other);
        types.retainAll(others);
        return types.isEmpty();
    }

    /** Types of the values that a schema holds for, every integer being a number. */
    private static Set<String> types(JsonNode schema) {
        Set<String> all = Set.of("object", "array", "string", "number", "integer", "boolean", "null");
        if (schema.path("nullable").asBoolean(false)) {
            return new HashSet<>(all);
        }
        List<String> named;
        if (schema.has("enum") || schema.has("const")) {
            named = JsonScalars.values(schema, "oneOf").stream()
                    .map(JsonTypes::of)
                    .toList();
        } else {
            named = schema.has("type") ? JsonTypes.of(schema, "oneOf") : List.copyOf(all);
        }
        Set<String> types = new HashSet<>(named);
        if (types.contains("number")) {
            types.add("integer");
        }
        return types;
    }

    /** Numbers are left out: 1 and 1.0 are one value in two spellings. */
    private static boolean constantsDiffer(JsonNode one, JsonNode other) {
        if (!fixed(one) || !fixed(other)) {
            return false;
        }
        List<JsonNode> values = JsonScalars.values(one, "oneOf");
        return values.stream().noneMatch(JsonNode::isNumber)
                && Collections.disjoint(values, JsonScalars.values(other, "oneOf"));
    }

    private static boolean fixed(JsonNode schema) {
        return (schema.has("enum") || schema.has("const"))
                && !schema.path("nullable").asBoolean(false);
    }

    private boolean aMemberDiffers(JsonNode one, JsonNode other) {
        Set<String> required = required(one);
        required.retainAll(required(other));
        return required.stream()
                .anyMatch(name -> one.path("properties").has(name)
                        && other.path("properties").has(name)
                        && exclusiveMembers(
                                resolved(one.path("properties").get(name)),
                                resolved(other.path("properties").get(name))));
    }

    private static boolean exclusiveMembers(JsonNode one, JsonNode other) {
        return one.isObject() && other.isObject() && (typesDiffer(one, other) || constantsDiffer(one, other));
    }

    private static Set<String> required(JsonNode schema) {
        Set<String> names = new HashSet<>();
        schema.path("required").forEach(name -> names.add(name.asText()));
        return names;
    }

    private JsonNode resolved(JsonNode schema) {
        JsonNode found = schema;
        for (int i = 0; i < MOST_REFERENCES && found.path("$ref").isTextual(); i++) {
            found = schemas.resolve(found.get("$ref").textValue());
        }
        return found;
    }
}
