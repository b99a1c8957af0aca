package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.ModelConfig;
import io.vertx.ext.web.RoutingContext;
import java.io.IOException;
import java.util.List;

/** GET /v1/checkpoints, POST /v1/checkpoints/load and /v1/checkpoints/unload. */
final class CheckpointsHandler {
    private final ApiScope scope;

    CheckpointsHandler(ApiScope scope) {
        this.scope = scope;
    }

    void list(RoutingContext ctx) {
        Answer.with(ctx, scope, 200, () -> {
            List<LoadedCheckpoint> loaded = scope.checkpoints().loaded();
            String standard = scope.models().defaultName();
            return out -> {
                try (JsonGenerator json = Json.MAPPER.createGenerator(out)) {
                    json.writeStartObject();
                    json.writeStringField("object", "list");
                    json.writeArrayFieldStart("data");
                    for (LoadedCheckpoint checkpoint : loaded) {
                        write(json, checkpoint, standard);
                    }
                    json.writeEndArray();
                    json.writeEndObject();
                }
            };
        });
    }

    /** Answers with 201 when the checkpoint can be named. */
    void load(RoutingContext ctx) {
        byte[] body = BodyReader.body(ctx);
        Answer.later(ctx, scope, () -> {
            Fields fields = Json.parse(body);
            return scope.checkpoints()
                    .load(required(fields, "name"), required(fields, "path"))
                    .thenApply(checkpoint -> new Answer.Reply(201, document(checkpoint)));
        });
    }

    /** Answers when the last request that uses the checkpoint has ended and its memory is free. */
    void unload(RoutingContext ctx) {
        byte[] body = BodyReader.body(ctx);
        Answer.later(ctx, scope, () -> {
            String name = required(Json.parse(body), "name");
            return scope.checkpoints().unload(name).thenApply(done -> new Answer.Reply(200, unloaded(name)));
        });
    }

    private JsonBody.Document document(LoadedCheckpoint checkpoint) {
        return out -> {
            try (JsonGenerator json = Json.MAPPER.createGenerator(out)) {
                write(json, checkpoint, scope.models().defaultName());
            }
        };
    }

    private static JsonBody.Document unloaded(String name) {
        return out -> {
            try (JsonGenerator json = Json.MAPPER.createGenerator(out)) {
                json.writeStartObject();
                json.writeStringField("name", name);
                json.writeStringField("object", "checkpoint");
                json.writeBooleanField("unloaded", true);
                json.writeEndObject();
            }
        };
    }

    private static String required(Fields fields, String name) {
        return fields.name(name)
                .filter(value -> !value.isEmpty())
                .orElseThrow(() -> SlayerException.badRequest(name, name + " is missing; give name and path."));
    }

    private static void write(JsonGenerator json, LoadedCheckpoint checkpoint, String standard) throws IOException {
        ServedModel model = checkpoint.model();
        ModelConfig config = model.config();
        json.writeStartObject();
        json.writeStringField("name", model.name());
        json.writeStringField("object", "checkpoint");
        json.writeStringField("path", checkpoint.weights().directory().toString());
        json.writeNumberField("created", model.created().getEpochSecond());
        json.writeBooleanField("default", model.name().equals(standard));
        json.writeStringField("architecture", config.architecture());
        json.writeNumberField("layers", config.layers());
        json.writeNumberField("hidden_size", config.hiddenSize());
        json.writeNumberField("parameters", config.parameters().total());
        json.writeNumberField("bytes", checkpoint.weights().bytes());
        json.writeNumberField("max_model_len", model.maxModelLen());
        json.writeEndObject();
    }
}
