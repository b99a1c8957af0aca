package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonGenerator;
import io.vertx.ext.web.RoutingContext;
import java.io.IOException;
import java.util.List;

/** GET /v1/models and /v1/models/{id}. */
final class ModelsHandler {
    private final ApiScope scope;

    ModelsHandler(ApiScope scope) {
        this.scope = scope;
    }

    /** All models; under the path or with the edits of one, that one. */
    void list(RoutingContext ctx) {
        RequestedModel wanted = RequestedModel.of(ctx);
        Answer.with(ctx, scope, 200, () -> {
            List<Entry> entries = wanted.isEmpty()
                    ? scope.models().models().stream().map(Entry::of).toList()
                    : List.of(entry(wanted));
            return out -> {
                try (JsonGenerator json = Json.MAPPER.createGenerator(out)) {
                    json.writeStartObject();
                    json.writeStringField("object", "list");
                    json.writeArrayFieldStart("data");
                    for (Entry entry : entries) {
                        entry.write(json);
                    }
                    json.writeEndArray();
                    json.writeEndObject();
                }
            };
        });
    }

    /** A model by its name, or an edit of one as the {@code model} field names it. */
    void one(RoutingContext ctx) {
        RequestedModel wanted =
                new RequestedModel(ctx.pathParam("id"), RequestedModel.of(ctx).query());
        Answer.with(ctx, scope, 200, () -> {
            Entry entry = entry(wanted);
            return out -> {
                try (JsonGenerator json = Json.MAPPER.createGenerator(out)) {
                    entry.write(json);
                }
            };
        });
    }

    private Entry entry(RequestedModel wanted) {
        ServedModel model = scope.models().edit(wanted).model();
        boolean edited = wanted.hasEdits() || !wanted.query().isEmpty();
        return new Entry(model, wanted.shown(model), edited || model.parent().isPresent());
    }

    /**
     * A line of the list.
     *
     * @param id what clients may call the model
     * @param variant whether it is one of its checkpoint
     */
    private record Entry(ServedModel model, String id, boolean variant) {
        static Entry of(ServedModel model) {
            return new Entry(model, model.name(), model.parent().isPresent());
        }

        void write(JsonGenerator json) throws IOException {
            json.writeStartObject();
            json.writeStringField("id", id);
            json.writeStringField("object", "model");
            json.writeNumberField("created", model.created().getEpochSecond());
            json.writeStringField("owned_by", "slayer");
            json.writeStringField("root", model.checkpoint());
            json.writeStringField("parent", variant ? model.checkpoint() : null);
            json.writeNumberField("max_model_len", model.maxModelLen());
            json.writeArrayFieldStart("permission");
            json.writeEndArray();
            json.writeEndObject();
        }
    }
}
