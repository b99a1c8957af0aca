package dev.slayer.server.api;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.layout.LayoutParameters;
import io.vertx.core.MultiMap;
import io.vertx.ext.web.RoutingContext;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedMap;
import java.util.stream.Collectors;

/**
 * Which model a request means: the one in its path ({@code /m/NAME/v1/...}), otherwise the one in its {@code model} field,
 * otherwise the default; each may carry edits after an {@code @}. A path wins over the field, since harnesses fill the field with
 * whatever they call the run. Edits of the query string are made on top of it.
 *
 * @param text name and edits, {@code base@remove=3}; the name may be empty for the default model
 * @param query edits of the query string, in its order
 */
record RequestedModel(String text, SequencedMap<String, String> query) {
    /** Name of the path parameter. */
    static final String PARAMETER = "model";

    private static final int SHOWN = 256;

    RequestedModel {
        query = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(query));
    }

    /** A model by its text alone. */
    static RequestedModel named(String text) {
        return new RequestedModel(text, new LinkedHashMap<>());
    }

    /**
     * What path and query say; the text is empty if the path names none. {@link QueryNames} has checked the query's names.
     *
     * @throws SlayerException 400 if the query gives an edit twice
     */
    static RequestedModel of(RoutingContext ctx) {
        String name = ctx.pathParam(PARAMETER);
        return new RequestedModel(name == null ? "" : name, edits(ctx.queryParams()));
    }

    /** Parameters are taken in any case, as their table takes them. */
    private static SequencedMap<String, String> edits(MultiMap parameters) {
        SequencedMap<String, String> edits = new LinkedHashMap<>();
        for (String written : parameters.names()) {
            String name = written.toLowerCase(Locale.ROOT);
            if (LayoutParameters.names().contains(name)) {
                List<String> values = parameters.getAll(name);
                if (values.size() > 1) {
                    throw SlayerException.badRequest(
                            name, "The query gives '" + name + "' " + values.size() + " times; give it once.");
                }
                edits.put(name, values.getFirst());
            }
        }
        return edits;
    }

    /** The same, with the {@code model} field's text where the path names no model. */
    RequestedModel or(Fields fields) {
        return text.isEmpty() ? new RequestedModel(fields.name("model").orElse(""), query) : this;
    }

    /** Whether neither path nor query say anything. */
    boolean isEmpty() {
        return text.isEmpty() && query.isEmpty();
    }

    /** The part before the edits; empty is the default model. */
    String name() {
        int at = text.indexOf('@');
        return at < 0 ? text : text.substring(0, at);
    }

    /** Whether edits follow the name. */
    boolean hasEdits() {
        return text.indexOf('@') >= 0;
    }

    /** What follows the name. */
    String edits() {
        return text.substring(text.indexOf('@') + 1);
    }

    /**
     * What replies call the model: as the client did, with the query's edits; of two sets of edits the outcome. Long ones are cut.
     *
     * @param model as it was resolved
     */
    String shown(ServedModel model) {
        String named = name().isEmpty() ? model.name() : name();
        String whole;
        if (query.isEmpty()) {
            whole = hasEdits() ? named + "@" + edits() : named;
        } else if (hasEdits()) {
            whole = named + "@" + model.layout().text();
        } else {
            whole = named + "@"
                    + query.entrySet().stream().map(RequestedModel::edit).collect(Collectors.joining(";"));
        }
        return whole.length() <= SHOWN ? whole : whole.substring(0, SHOWN) + "...";
    }

    private static String edit(Map.Entry<String, String> parameter) {
        return parameter.getKey() + "=" + parameter.getValue();
    }
}
