package dev.slayer.server.api;

import dev.slayer.surgery.SlayerException;
import io.vertx.ext.web.RoutingContext;
import java.util.Set;

/**
 * Which model a request means: the one in its path ({@code /m/NAME/v1/...}), otherwise the one in its {@code model} field,
 * otherwise the default. A path wins over the field, since harnesses fill the field with whatever they call the run.
 */
final class ModelPath {
    /** Name of the path parameter. */
    static final String PARAMETER = "model";

    /** Query parameters that ask for an edited stack of layers. */
    private static final Set<String> EDITS = Set.of(
            "remove",
            "insert",
            "layers",
            "skip",
            "scale",
            "preset",
            "pattern",
            "groups",
            "group_size",
            "delete",
            "init");

    private ModelPath() {}

    /**
     * The name in the path, decoded; empty if the path has none.
     *
     * @throws SlayerException 400 if the query asks for an edit: the base's answer would pass for the edited model's
     */
    static String of(RoutingContext ctx) {
        for (String parameter : ctx.queryParams().names()) {
            if (EDITS.contains(parameter)) {
                throw SlayerException.badRequest(
                        parameter,
                        "The query asks for an edited model by '" + parameter
                                + "', but this server cannot edit layers yet; leave it out to get the base model.");
            }
        }
        String name = ctx.pathParam(PARAMETER);
        return name == null ? "" : name;
    }

    static ServedModel resolve(ModelDirectory models, String pathModel, Fields fields) {
        return models.resolve(pathModel.isEmpty() ? fields.name("model").orElse("") : pathModel);
    }
}
