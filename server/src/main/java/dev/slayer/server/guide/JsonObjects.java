package dev.slayer.server.guide;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.lucene.util.automaton.Automata;
import org.apache.lucene.util.automaton.Automaton;
import org.apache.lucene.util.automaton.Operations;

/** Objects and arrays of a schema. */
final class JsonObjects {
    private final JsonSchema schemas;
    private final GrammarBuilder grammar;
    private final JsonText text;

    JsonObjects(JsonSchema schemas, GrammarBuilder grammar, JsonText text) {
        this.schemas = schemas;
        this.grammar = grammar;
        this.text = text;
    }

    /**
     * Members in the order of {@code properties}, those that are not required may be missing; behind them those that
     * {@code additionalProperties} allows, by names that are not declared. Where a schema declares properties and says nothing of
     * others, there are none.
     */
    int object(JsonNode schema, String at, int next) {
        Map<String, JsonNode> declared = declared(schema, at);
        Set<String> required = Set.copyOf(
                schema.has("required") ? JsonSchema.strings(schema.get("required"), at + "/required") : List.of());
        JsonNode additional = schema.get("additionalProperties");
        boolean open =
                additional == null ? declared.isEmpty() : !(additional.isBoolean() && !additional.booleanValue());
        if (declared.isEmpty() && open && (additional == null || additional.isBoolean())) {
            return text.object(next);
        }
        int close = grammar.text("}", next);
        int more = grammar.node(); // behind a member
        grammar.empty(more, text.space(close));
        int begin = grammar.node(); // before any member
        grammar.empty(begin, close);
        if (open) {
            JsonNode values = additional == null ? schemas.anything() : additional;
            int name =
                    otherName(declared.keySet(), text.colon(schemas.value(values, at + "/additionalProperties", more)));
            grammar.empty(more, text.comma(name));
            grammar.empty(begin, name);
        }
        for (String name : declared.keySet().stream().toList().reversed()) {
            int value = schemas.value(declared.get(name), at + "/properties/" + name, more);
            int member = grammar.text(JsonSchema.quoted(name), text.colon(value));
            int withComma = text.comma(member);
            boolean optional = !required.contains(name);
            more = optional ? grammar.either(withComma, more) : withComma;
            begin = optional ? grammar.either(member, begin) : member;
        }
        return grammar.text("{", text.space(begin));
    }

    private Map<String, JsonNode> declared(JsonNode schema, String at) {
        Map<String, JsonNode> declared = new LinkedHashMap<>();
        JsonNode properties = schema.path("properties");
        if (schema.has("properties") && !properties.isObject()) {
            throw ConstraintException.invalid("needs an object for properties at " + Shown.of(at));
        }
        properties.properties().forEach(entry -> declared.put(entry.getKey(), entry.getValue()));
        JsonNode additional = schema.path("additionalProperties");
        if (schema.has("required")) {
            for (String name : JsonSchema.strings(schema.get("required"), at + "/required")) {
                declared.putIfAbsent(name, additional.isMissingNode() ? schemas.anything() : additional);
            }
        }
        return declared;
    }

    /** A name in quotes that is none of some names, then next. */
    private int otherName(Set<String> names, int next) {
        Automaton any = Automatons.anyText();
        Automaton others = names.isEmpty()
                ? any
                : Automatons.minus(
                        any,
                        Automatons.deterministic(Operations.union(
                                names.stream().map(Automata::makeString).toList())));
        Automaton bytes = Automatons.bytes(Automatons.escaped(others));
        return grammar.text("\"", grammar.automaton(bytes, grammar.text("\"", next)));
    }

    int array(JsonNode schema, String at, int next) {
        int least = Math.max(0, JsonSchema.count(schema, "minItems", at));
        int most = JsonSchema.count(schema, "maxItems", at);
        if (most >= 0 && most < least) {
            return grammar.node();
        }
        int close = grammar.text("]", next);
        if (most == 0) {
            return grammar.text("[", text.space(close));
        }
        int item = grammar.node();
        JsonNode items = schema.has("items") ? schema.get("items") : schemas.anything();
        grammar.empty(item, schemas.value(items, at + "/items", Grammar.END));
        int top = most >= 0 ? most : Math.max(1, least);
        int behind = grammar.node(); // behind the element of number top
        grammar.empty(behind, text.space(close));
        if (most < 0) {
            grammar.empty(behind, text.comma(grammar.call(item, behind)));
        }
        for (int number = top - 1; number >= 1; number--) {
            int another = text.comma(grammar.call(item, behind));
            behind = number >= least ? grammar.either(text.space(close), another) : another;
        }
        int first = grammar.call(item, behind);
        return grammar.text("[", text.space(least == 0 ? grammar.either(close, first) : first));
    }
}
