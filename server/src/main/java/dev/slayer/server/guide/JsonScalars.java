package dev.slayer.server.guide;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.lucene.util.automaton.Automaton;
import org.apache.lucene.util.automaton.Operations;

/** Constants, strings and numbers of a schema. */
final class JsonScalars {
    private static final String DATE = "[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])"
            + "|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))";
    private static final String TIME =
            "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?" + "(Z|[+\\-]([01][0-9]|2[0-3]):[0-5][0-9])";
    private static final String BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
    private static final Map<String, String> FORMATS = Map.of(
            "date",
            DATE,
            "time",
            TIME,
            "date-time",
            DATE + "T" + TIME,
            "uuid",
            "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "ipv4",
            BYTE + "(\\." + BYTE + "){3}",
            "email",
            "[a-z0-9_]{1,32}([.+\\-][a-z0-9_]{1,16})?@[a-z0-9]{1,32}(\\.[a-z0-9]{1,16}){0,2}\\.[a-z]{2,12}");

    private static final int DIGITS = 16;

    private final GrammarBuilder grammar;
    private final JsonText text;

    JsonScalars(GrammarBuilder grammar, JsonText text) {
        this.grammar = grammar;
        this.text = text;
    }

    /** The values of {@code enum} or {@code const} that are of the schema's types, each in its compact form. */
    int constants(JsonNode schema, List<String> types, String at, int next) {
        schema.fieldNames().forEachRemaining(keyword -> {
            if (JsonTypes.knows(keyword)) {
                throw ConstraintException.unsupported("uses '" + keyword + "' beside enum or const at " + Shown.of(at)
                        + ", which is not supported; leave out the values that do not fit");
            }
        });
        List<JsonNode> values = values(schema, at);
        List<String> texts = values.stream()
                .filter(value -> JsonTypes.fits(value, types))
                .map(JsonNode::toString)
                .toList();
        return texts.isEmpty() ? grammar.node() : grammar.automaton(Automatons.oneOf(texts), next);
    }

    /** What enum and const leave, if both are there. */
    static List<JsonNode> values(JsonNode schema, String at) {
        List<JsonNode> values = new ArrayList<>();
        if (schema.has("enum")) {
            if (!schema.get("enum").isArray()) {
                throw ConstraintException.invalid("needs a list for enum at " + Shown.of(at));
            }
            schema.get("enum").forEach(values::add);
        } else {
            values.add(schema.get("const"));
        }
        if (schema.has("const")) {
            values.removeIf(value -> !value.equals(schema.get("const")));
        }
        return values;
    }

    int string(JsonNode schema, String at, int next) {
        int least = Math.max(0, JsonSchema.count(schema, "minLength", at));
        int most = JsonSchema.count(schema, "maxLength", at);
        if (most >= 0 && most < least) {
            return grammar.node();
        }
        Automaton content = null;
        if (schema.has("pattern")) {
            content = pattern(schema.get("pattern"), at);
        }
        if (schema.has("format")) {
            Automaton format = Regex.whole(format(schema.get("format"), at));
            content = content == null ? format : Operations.intersection(content, format);
        }
        if (content == null) {
            return least == 0 && most < 0 ? text.string(next) : text.string(least, most, next);
        }
        if (least > 0 || most >= 0) {
            Automaton length = Automatons.repeated(Automatons.anyCharacter(), least, most);
            content = Operations.intersection(Automatons.deterministic(content), Automatons.deterministic(length));
        }
        Automaton bytes = Automatons.bytes(Automatons.escaped(content));
        return grammar.text("\"", grammar.automaton(bytes, grammar.text("\"", next)));
    }

    private static Automaton pattern(JsonNode pattern, String at) {
        if (!pattern.isTextual()) {
            throw ConstraintException.invalid("needs a string for pattern at " + Shown.of(at));
        }
        try {
            return Regex.search(pattern.textValue());
        } catch (ConstraintException e) {
            String message = "has a pattern at " + Shown.of(at) + " that " + e.getMessage();
            throw e.isUnsupported()
                    ? ConstraintException.unsupported(message)
                    : ConstraintException.invalid(message, e);
        }
    }

    private static String format(JsonNode format, String at) {
        String regex = format.isTextual() ? FORMATS.get(format.textValue()) : null;
        if (regex == null) {
            throw ConstraintException.unsupported("uses the format " + Shown.of(format.toString()) + " at "
                    + Shown.of(at) + ", which is not supported; supported: date, date-time, email, ipv4, time, uuid");
        }
        return regex;
    }

    int number(JsonNode schema, String at, boolean whole, int next) {
        BigDecimal low = bound(schema, "minimum", at);
        BigDecimal lowOpen = bound(schema, "exclusiveMinimum", at);
        BigDecimal high = bound(schema, "maximum", at);
        BigDecimal highOpen = bound(schema, "exclusiveMaximum", at);
        boolean unbounded = low == null && lowOpen == null && high == null && highOpen == null;
        if (unbounded && !whole) {
            return text.number(next);
        }
        boolean openLow = lowOpen != null && (low == null || lowOpen.compareTo(low) >= 0);
        boolean openHigh = highOpen != null && (high == null || highOpen.compareTo(high) <= 0);
        Automaton range = NumberRange.of(whole, openLow ? lowOpen : low, openLow, openHigh ? highOpen : high, openHigh);
        return grammar.automaton(Automatons.bytes(range), next);
    }

    private static BigDecimal bound(JsonNode schema, String keyword, String at) {
        JsonNode value = schema.get(keyword);
        if (value == null) {
            return null;
        }
        if (!value.isNumber()) {
            throw ConstraintException.invalid("needs a number for " + keyword + " at " + Shown.of(at));
        }
        BigDecimal bound = value.decimalValue().stripTrailingZeros();
        if (bound.scale() > DIGITS) {
            throw ConstraintException.unsupported("has more than " + DIGITS + " digits behind the point in " + keyword
                    + " at " + Shown.of(at) + ", which is not supported");
        }
        return bound;
    }
}
