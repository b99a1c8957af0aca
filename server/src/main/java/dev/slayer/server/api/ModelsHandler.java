package dev.slayer.server.api;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vertx.core.buffer.Buffer;
import io.vertx.ext.web.RoutingContext;
import java.nio.charset.StandardCharsets;

/** GET /v1/models and /v1/models/{id}. */
final class ModelsHandler {
    private final ModelDirectory models;

    ModelsHandler(ModelDirectory models) {
        this.models = models;
    }

    void list(RoutingContext ctx) {
        String pathModel = ModelPath.of(ctx);
        ObjectNode list = Json.MAPPER.createObjectNode().put("object", "list");
        ArrayNode data = list.putArray("data");
        if (pathModel.isEmpty()) {
            models.models().forEach(model -> data.add(describe(model)));
        } else {
            data.add(describe(models.resolve(pathModel)));
        }
        send(ctx, list);
    }

    void one(RoutingContext ctx) {
        send(ctx, describe(models.resolve(ctx.pathParam("id"))));
    }

    private static ObjectNode describe(ServedModel model) {
        ObjectNode node = Json.MAPPER.createObjectNode();
        node.put("id", model.name())
                .put("object", "model")
                .put("created", model.created().getEpochSecond())
                .put("owned_by", "slayer")
                .put("root", model.name())
                .putNull("parent")
                .put("max_model_len", model.maxModelLen())
                .putArray("permission");
        return node;
    }

    private static void send(RoutingContext ctx, ObjectNode node) {
        ctx.response()
                .putHeader("content-type", "application/json")
                .end(Buffer.buffer(node.toString().getBytes(StandardCharsets.UTF_8)));
    }
}
