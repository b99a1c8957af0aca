package dev.slayer.server.api;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.server.guide.Constraint;
import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What a request wants its text to be: OpenAI's {@code response_format}, vLLM's {@code structured_outputs}, or its older
 * {@code guided_json}, {@code guided_regex} and {@code guided_choice}; at most one of them.
 *
 * @param param the field that says it
 * @param constraint not compiled yet
 */
record OutputConstraint(String param, Constraint constraint) {
    private static final Set<String> OLDER = Set.of("json", "regex", "choice");
    private static final Set<String> NEWER = Set.of("json", "regex", "choice", "json_object");

    /** @throws SlayerException 400 naming the field at fault, or two fields that contradict each other */
    static Optional<OutputConstraint> read(Fields fields) {
        List<OutputConstraint> found = new ArrayList<>();
        fields.object("response_format").flatMap(OutputConstraint::format).ifPresent(found::add);
        fields.object("structured_outputs").ifPresent(outputs -> found.addAll(newer(outputs)));
        OLDER.stream()
                .sorted()
                .forEach(kind -> fields.get("guided_" + kind)
                        .ifPresent(value -> found.add(of(kind, value, fields.pathOf("guided_" + kind)))));
        if (found.size() > 1) {
            throw SlayerException.badRequest(
                    found.get(1).param,
                    found.get(0).param + " and " + found.get(1).param + " both say what the text must be; give one.");
        }
        return found.stream().findFirst();
    }

    private static Optional<OutputConstraint> format(Fields format) {
        String type = format.text("type")
                .orElseThrow(() -> SlayerException.badRequest(
                        "response_format.type",
                        "response_format.type is missing; allowed: text, json_object, json_schema."));
        return switch (type) {
            case "text" -> Optional.empty();
            case "json_object" -> Optional.of(new OutputConstraint("response_format", new Constraint.JsonObject()));
            case "json_schema" -> Optional.of(schema(format));
            default ->
                throw new SlayerException(
                        400,
                        "unsupported_value",
                        "response_format.type",
                        "response_format.type='" + Excerpt.of(type)
                                + "' is not supported; allowed: text, json_object, json_schema.",
                        null);
        };
    }

    private static OutputConstraint schema(Fields format) {
        Fields named = format.object("json_schema").orElseThrow(() -> missing("response_format.json_schema"));
        if (named.text("name").isEmpty()) {
            throw missing(named.pathOf("name"));
        }
        named.text("description");
        named.flag("strict"); // every schema is followed strictly
        Fields schema = named.object("schema").orElseThrow(() -> missing(named.pathOf("schema")));
        return of("json", schema.node(), schema.path());
    }

    private static SlayerException missing(String path) {
        return SlayerException.badRequest(path, path + " is missing; json_schema needs a name and a schema.");
    }

    private static List<OutputConstraint> newer(Fields outputs) {
        List<OutputConstraint> found = new ArrayList<>();
        outputs.node()
                .fieldNames()
                .forEachRemaining(name -> outputs.get(name)
                        .filter(value -> !(value.isBoolean() && !value.booleanValue()))
                        .ifPresent(value -> {
                            String path = outputs.pathOf(Excerpt.of(name));
                            if (!NEWER.contains(name)) {
                                throw new SlayerException(
                                        400,
                                        "unsupported_value",
                                        path,
                                        path + " is not supported; allowed: one of json, regex, choice, json_object.",
                                        null);
                            }
                            found.add(of(name, value, path));
                        }));
        if (found.isEmpty()) {
            throw SlayerException.badRequest(
                    outputs.path(), outputs.path() + " is empty; give one of json, regex, choice, json_object.");
        }
        return found;
    }

    private static OutputConstraint of(String kind, JsonNode value, String path) {
        return new OutputConstraint(
                path,
                switch (kind) {
                    case "choice" ->
                        new Constraint.Choice(Fields.elements(value, path).stream()
                                .map(Fields.Element::text)
                                .toList());
                    case "regex" -> new Constraint.Regex(Fields.text(value, path));
                    case "json_object" -> new Constraint.JsonObject();
                    default -> new Constraint.Schema(value.isTextual() ? Fields.text(value, path) : value.toString());
                });
    }
}
