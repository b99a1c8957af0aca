package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.delta.Delta;
import dev.slayer.surgery.delta.Provenance;
import io.vertx.ext.web.RoutingContext;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;

/** GET /v1/deltas and /v1/deltas/{name}, POST /v1/deltas/load and /v1/deltas/unload. */
final class DeltasHandler {
    /** Name of the path parameter. */
    static final String PARAMETER = "name";

    private final ApiScope scope;

    DeltasHandler(ApiScope scope) {
        this.scope = scope;
    }

    void list(RoutingContext ctx) {
        Answer.with(ctx, scope, 200, () -> {
            List<Deltas.Entry> entries = scope.deltas().all();
            return out -> {
                try (JsonGenerator json = Json.MAPPER.createGenerator(out)) {
                    json.writeStartObject();
                    json.writeStringField("object", "list");
                    json.writeArrayFieldStart("data");
                    for (Deltas.Entry entry : entries) {
                        json.writeStartObject();
                        writeHead(json, entry);
                        json.writeEndObject();
                    }
                    json.writeEndArray();
                    json.writeEndObject();
                }
            };
        });
    }

    void one(RoutingContext ctx) {
        String name = ctx.pathParam(PARAMETER);
        Answer.with(ctx, scope, 200, () -> document(scope.deltas().get(name)));
    }

    /** Answers with 201 when the delta can be named. */
    void load(RoutingContext ctx) {
        byte[] body = BodyReader.body(ctx);
        Answer.later(
                ctx,
                scope,
                () -> scope.deltas().load(name(body)).thenApply(entry -> new Answer.Reply(201, document(entry))));
    }

    /** Answers when the last request that uses the delta has ended. */
    void unload(RoutingContext ctx) {
        byte[] body = BodyReader.body(ctx);
        Answer.later(ctx, scope, () -> {
            String name = name(body);
            CompletableFuture<Void> unloading = scope.deltas().unload(name);
            scope.metrics().forget(name);
            return unloading.thenApply(done -> new Answer.Reply(200, unloaded(name)));
        });
    }

    private static String name(byte[] body) {
        return Json.parse(body)
                .name("name")
                .filter(value -> !value.isEmpty())
                .orElseThrow(() -> SlayerException.badRequest(
                        "name", "name is missing; give the name of a folder in the folder of deltas."));
    }

    private static JsonBody.Document unloaded(String name) {
        return out -> {
            try (JsonGenerator json = Json.MAPPER.createGenerator(out)) {
                json.writeStartObject();
                json.writeStringField("name", name);
                json.writeStringField("object", "delta");
                json.writeBooleanField("unloaded", true);
                json.writeEndObject();
            }
        };
    }

    private static JsonBody.Document document(Deltas.Entry entry) {
        return out -> {
            try (JsonGenerator json = Json.MAPPER.createGenerator(out)) {
                json.writeStartObject();
                writeHead(json, entry);
                if (entry.loaded().isPresent()) {
                    writeProvenance(json, entry.loaded().get().delta().info().provenance());
                }
                json.writeEndObject();
            }
        };
    }

    private static void writeHead(JsonGenerator json, Deltas.Entry entry) throws IOException {
        json.writeStringField("name", entry.name());
        json.writeStringField("object", "delta");
        json.writeStringField("state", entry.state().name().toLowerCase(Locale.ROOT));
        json.writeStringField("path", entry.folder().toString());
        if (!entry.reason().isEmpty()) {
            json.writeStringField("reason", entry.reason());
        }
        if (entry.loaded().isPresent()) {
            LoadedDelta loaded = entry.loaded().get();
            Delta delta = loaded.delta();
            json.writeStringField("base", loaded.model().base());
            json.writeStringField("method", delta.info().provenance().method());
            json.writeNumberField("created", delta.info().provenance().created().getEpochSecond());
            json.writeStringField("trained_layout", delta.layout().text());
            json.writeStringField("layout", loaded.served().text());
            json.writeArrayFieldStart("slots");
            for (int slot : delta.info().slots()) {
                json.writeNumber(slot);
            }
            json.writeEndArray();
            json.writeNumberField("tensors", delta.names().size());
            json.writeNumberField("bytes", delta.bytes());
        }
    }

    private static void writeProvenance(JsonGenerator json, Provenance from) throws IOException {
        json.writeObjectFieldStart("provenance");
        json.writeStringField("base_name", from.baseName());
        json.writeStringField("base_hash", from.baseHash());
        json.writeArrayFieldStart("data");
        for (Provenance.DataFile file : from.data()) {
            json.writeStartObject();
            json.writeStringField("name", file.name());
            if (file.bytes().isPresent()) {
                json.writeNumberField("bytes", file.bytes().getAsLong());
            }
            if (file.sha256().isPresent()) {
                json.writeStringField("sha256", file.sha256().get());
            }
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeStringField("recipe", from.recipe());
        json.writeNumberField("seed", from.seed());
        json.writeNumberField("tokens", from.tokens());
        json.writeNumberField("steps", from.steps());
        json.writeStringField("made_by", from.madeBy());
        json.writeEndObject();
    }
}
