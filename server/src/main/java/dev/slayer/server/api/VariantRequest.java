package dev.slayer.server.api;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.layout.LayoutParameters;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import java.util.StringJoiner;

/**
 * The body of POST /v1/variants.
 *
 * @param name of the new variant
 * @param base what is edited, and how
 */
record VariantRequest(String name, RequestedModel base) {
    private static final String LAYOUT = "layout";
    private static final String LAYERS = "layers";

    /** @throws SlayerException 400 naming the field at fault; one that is unknown is, since a typing error would be lost */
    static VariantRequest read(Fields fields) {
        SequencedMap<String, String> edits = new LinkedHashMap<>();
        String name = "";
        String base = "";
        for (Iterator<String> names = fields.node().fieldNames(); names.hasNext(); ) {
            String field = names.next();
            if (!fields.has(field)) {
                continue;
            }
            switch (field) {
                case "name" -> name = fields.name(field).orElseThrow();
                case "base" -> base = fields.name(field).orElseThrow();
                case LAYOUT, LAYERS -> {
                    if (edits.put(LAYERS, value(fields, field)) != null) {
                        throw SlayerException.badRequest(field, "layout and layers are the same; give one of them.");
                    }
                }
                default -> {
                    if (!LayoutParameters.names().contains(field)) {
                        throw SlayerException.badRequest(
                                Excerpt.of(field),
                                "The field '" + Excerpt.of(field) + "' is unknown; allowed: name, base, layout, "
                                        + String.join(", ", LayoutParameters.names()) + ".");
                    }
                    edits.put(field, value(fields, field));
                }
            }
        }
        if (name.isEmpty()) {
            throw SlayerException.badRequest("name", "name is missing; give the new variant a name.");
        }
        RequestedModel edited = new RequestedModel(base, edits);
        if (edits.isEmpty() && !edited.hasEdits()) {
            throw SlayerException.badRequest(
                    LAYOUT,
                    "Nothing says how the variant differs from its base; give layout, or some of "
                            + String.join(", ", LayoutParameters.names()) + ".");
        }
        return new VariantRequest(name, edited);
    }

    /** As a query would write it: a list may be an array, a number needs no quotes. */
    private static String value(Fields fields, String name) {
        JsonNode value = fields.get(name).orElseThrow();
        if (!value.isArray()) {
            return item(value, name);
        }
        StringJoiner items = new StringJoiner(",");
        for (Fields.Element element : fields.array(name)) {
            items.add(item(element.value(), element.path()));
        }
        return items.toString();
    }

    private static String item(JsonNode value, String path) {
        return value.isIntegralNumber() ? value.asText() : Fields.text(value, path);
    }
}
