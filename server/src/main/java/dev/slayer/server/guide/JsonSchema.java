package dev.slayer.server.guide;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;

/**
 * Compiles a JSON Schema to a grammar of values that are valid under it: a bounded subset of draft 2020-12, listed in
 * docs/structured.md. A keyword outside of it is refused by name. Where the schema leaves a choice of spelling, one is taken: members
 * in the order of {@code properties}, the names and constants in their shortest form.
 */
final class JsonSchema {
    private static final Set<String> ANNOTATIONS = Set.of(
            "$schema",
            "$comment",
            "$defs",
            "definitions",
            "title",
            "description",
            "default",
            "examples",
            "example",
            "deprecated",
            "readOnly",
            "writeOnly",
            "discriminator",
            "nullable");
    private static final Set<String> COMBINING = Set.of("$ref", "anyOf", "oneOf", "allOf", "enum", "const", "type");

    /** The last bound: many patterns that are large one by one and small together. */
    static final Duration LONGEST = Duration.ofSeconds(5);

    private final long begun = System.nanoTime();
    private final Duration longest;
    private final JsonNode root;
    private final GrammarBuilder grammar = new GrammarBuilder();
    private final JsonText text = new JsonText(grammar);
    private final JsonObjects objects = new JsonObjects(this, grammar, text);
    private final JsonScalars scalars = new JsonScalars(grammar, text);
    private final Map<String, Integer> rules = new HashMap<>();
    private final Queue<String> pending = new ArrayDeque<>();

    private JsonSchema(JsonNode root, Duration longest) {
        this.root = root;
        this.longest = longest;
    }

    /**
     * The grammar of a schema.
     *
     * @param longest that compiling may take
     * @throws ConstraintException naming the keyword and where it stands
     */
    static Grammar compile(JsonNode schema, Duration longest) {
        return new JsonSchema(schema, longest).compiled();
    }

    /** JSON objects of any content. */
    static Grammar anyObject() {
        GrammarBuilder grammar = new GrammarBuilder();
        int object = new JsonText(grammar).object(Grammar.END);
        return grammar.finish(afterSpace(grammar, object));
    }

    private Grammar compiled() {
        int start = value(root, "#", Grammar.END);
        while (!pending.isEmpty()) {
            String pointer = pending.remove();
            grammar.empty(rules.get(pointer), value(resolve(pointer), pointer, Grammar.END));
        }
        return grammar.finish(afterSpace(grammar, start));
    }

    /** Prompts end with a colon more often than with a space. */
    private static int afterSpace(GrammarBuilder grammar, int start) {
        return grammar.either(grammar.text(" ", start), start);
    }

    /** A value that is valid under a schema, then next. */
    int value(JsonNode schema, String at, int next) {
        if (System.nanoTime() - begun > longest.toNanos()) {
            throw ConstraintException.invalid(
                    "takes more than " + longest.toSeconds() + " seconds to compile; use fewer or simpler patterns");
        }
        if (schema.isBoolean()) {
            return schema.booleanValue() ? text.value(next) : grammar.node();
        }
        if (!(schema instanceof ObjectNode)) {
            throw ConstraintException.invalid("needs an object, true or false at " + at);
        }
        check(schema, at);
        JsonNode nullable = schema.path("nullable");
        int value = combined(schema, at, next);
        return nullable.asBoolean(false) ? grammar.either(value, grammar.text("null", next)) : value;
    }

    private int combined(JsonNode schema, String at, int next) {
        if (schema.has("$ref")) {
            alone(schema, at, "$ref");
            return grammar.call(rule(schema.get("$ref"), at), next);
        }
        for (String keyword : List.of("anyOf", "oneOf", "allOf")) {
            if (schema.has(keyword)) {
                alone(schema, at, keyword);
                return alternatives(schema.get(keyword), keyword, at + "/" + keyword, next);
            }
        }
        List<String> types = JsonTypes.of(schema, at);
        if (schema.has("enum") || schema.has("const")) {
            return scalars.constants(schema, types, at, next);
        }
        if (types.isEmpty()) {
            return text.value(next);
        }
        int[] starts =
                types.stream().mapToInt(type -> typed(type, schema, at, next)).toArray();
        return starts.length == 1 ? starts[0] : grammar.either(starts);
    }

    private int typed(String type, JsonNode schema, String at, int next) {
        return switch (type) {
            case "object" -> objects.object(schema, at, next);
            case "array" -> objects.array(schema, at, next);
            case "string" -> scalars.string(schema, at, next);
            case "number" -> scalars.number(schema, at, false, next);
            case "integer" -> scalars.number(schema, at, true, next);
            case "boolean" -> grammar.either(grammar.text("true", next), grammar.text("false", next));
            default -> grammar.text("null", next);
        };
    }

    private int alternatives(JsonNode list, String keyword, String at, int next) {
        if (!list.isArray() || list.isEmpty()) {
            throw ConstraintException.invalid("needs a list of schemas at " + at);
        }
        if (keyword.equals("allOf") && list.size() > 1) {
            throw ConstraintException.unsupported(
                    "uses allOf with more than one schema at " + at + ", which is not supported; merge them into one");
        }
        if (keyword.equals("oneOf")) {
            new Alternatives(this).checkExclusive(list, at);
        }
        int[] starts = new int[list.size()];
        for (int i = 0; i < starts.length; i++) {
            starts[i] = value(list.get(i), at + "/" + i, next);
        }
        return grammar.either(starts);
    }

    /** The rule of a referenced schema, which is compiled when its turn comes: references may be recursive. */
    private int rule(JsonNode reference, String at) {
        if (!reference.isTextual() || !(reference.textValue() + "/").startsWith("#/")) {
            throw ConstraintException.unsupported(
                    "uses $ref at " + at + " with something other than a place in this schema such as #/$defs/name,"
                            + " which is not supported");
        }
        String pointer = reference.textValue();
        return rules.computeIfAbsent(pointer, p -> {
            resolve(p);
            pending.add(p);
            return grammar.node();
        });
    }

    /** The schema that a reference names. */
    JsonNode resolve(String pointer) {
        JsonNode found = root;
        String[] names = pointer.split("/", -1);
        for (int i = 1; i < names.length; i++) {
            String name = names[i].replace("~1", "/").replace("~0", "~").replace("%20", " ");
            found = found.isArray() && name.matches("[0-9]{1,6}")
                    ? found.path(Integer.parseInt(name))
                    : found.path(name);
        }
        if (found.isMissingNode()) {
            throw ConstraintException.invalid("has no '" + Shown.of(pointer) + "', which a $ref names");
        }
        return found;
    }

    /** The schema that everything fulfils. */
    JsonNode anything() {
        return BooleanNode.TRUE;
    }

    private void check(JsonNode schema, String at) {
        schema.fieldNames().forEachRemaining(keyword -> {
            boolean known = ANNOTATIONS.contains(keyword)
                    || COMBINING.contains(keyword)
                    || JsonTypes.knows(keyword)
                    || (keyword.equals("$id") && at.equals("#"));
            if (!known) {
                throw ConstraintException.unsupported(
                        "uses the keyword '" + Shown.of(keyword) + "' at " + Shown.of(at) + ", which is not supported");
            }
        });
    }

    /** Nothing that restricts values may stand beside a keyword that is compiled on its own. */
    private static void alone(JsonNode schema, String at, String keyword) {
        schema.fieldNames().forEachRemaining(other -> {
            if (!other.equals(keyword) && !ANNOTATIONS.contains(other) && !other.equals("$id")) {
                throw ConstraintException.unsupported("uses " + keyword + " beside '" + Shown.of(other) + "' at "
                        + Shown.of(at) + ", which is not supported; move it into the schemas of " + keyword);
            }
        });
    }

    /** A name or string as JSON, in quotes. */
    static String quoted(String string) {
        return new TextNode(string).toString();
    }

    /** An integer keyword of at least 0, or -1. */
    static int count(JsonNode schema, String keyword, String at) {
        JsonNode value = schema.get(keyword);
        if (value == null) {
            return -1;
        }
        if (!value.canConvertToExactIntegral() || !value.canConvertToInt() || value.intValue() < 0) {
            throw ConstraintException.invalid("needs an integer from 0 for " + keyword + " at " + Shown.of(at));
        }
        return value.intValue();
    }

    /** Elements of a list of strings. */
    static List<String> strings(JsonNode list, String at) {
        List<String> found = new ArrayList<>();
        for (JsonNode element : list) {
            if (!element.isTextual()) {
                throw ConstraintException.invalid("needs a list of strings at " + Shown.of(at));
            }
            found.add(element.textValue());
        }
        if (!list.isArray()) {
            throw ConstraintException.invalid("needs a list of strings at " + Shown.of(at));
        }
        return found;
    }
}
