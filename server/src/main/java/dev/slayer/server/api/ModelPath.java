package dev.slayer.server.api;

import io.vertx.ext.web.RoutingContext;

/**
 * Which model a request means: the one in its path ({@code /m/NAME/v1/...}), otherwise the one in its {@code model} field,
 * otherwise the default. A path wins over the field, since harnesses fill the field with whatever they call the run.
 */
final class ModelPath {
    /** Name of the path parameter. */
    static final String PARAMETER = "model";

    private ModelPath() {}

    /** The name in the path, decoded; empty if the path has none. */
    static String of(RoutingContext ctx) {
        String name = ctx.pathParam(PARAMETER);
        return name == null ? "" : name;
    }

    static ServedModel resolve(ModelDirectory models, String pathModel, Fields fields) {
        return models.resolve(pathModel.isEmpty() ? fields.name("model").orElse("") : pathModel);
    }
}
