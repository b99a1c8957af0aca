package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonGenerator;
import io.vertx.ext.web.RoutingContext;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;

/** POST and GET /v1/variants/{name}/export, GET /v1/variants/{name}/export.json. */
final class ExportHandler {
    private final ApiScope scope;

    ExportHandler(ApiScope scope) {
        this.scope = scope;
    }

    /** Answers with 200 when everything is written; with 202 at once if the body says {@code "wait": false}. */
    void start(RoutingContext ctx) {
        byte[] body = BodyReader.body(ctx);
        String name = ctx.pathParam(VariantsHandler.PARAMETER);
        Answer.later(ctx, scope, () -> {
            Variant variant = scope.catalog().variant(name);
            ExportRequest request = ExportRequest.read(Json.parse(body.length == 0 ? EMPTY : body), name);
            CompletableFuture<Exports.Export> export = scope.exports().start(variant, request);
            return request.waits()
                    ? export.thenApply(done -> new Answer.Reply(200, document(done)))
                    : CompletableFuture.completedFuture(
                            new Answer.Reply(202, document(scope.exports().last(name))));
        });
    }

    private static final byte[] EMPTY = "{}".getBytes(StandardCharsets.UTF_8);

    void last(RoutingContext ctx) {
        String name = ctx.pathParam(VariantsHandler.PARAMETER);
        Answer.with(ctx, scope, 200, () -> document(scope.exports().last(name)));
    }

    void mergeRecipe(RoutingContext ctx) {
        String name = ctx.pathParam(VariantsHandler.PARAMETER);
        Answer.with(ctx, scope, 200, () -> {
            String json = scope.exports().mergeRecipe(scope.catalog().variant(name));
            return out -> out.write(json.getBytes(StandardCharsets.UTF_8));
        });
    }

    private static JsonBody.Document document(Exports.Export export) {
        return out -> {
            try (JsonGenerator json = Json.MAPPER.createGenerator(out)) {
                json.writeStartObject();
                json.writeStringField("object", "export");
                json.writeStringField("variant", export.variant());
                json.writeStringField("status", export.state().name().toLowerCase(Locale.ROOT));
                json.writeStringField("path", export.folder().toString());
                json.writeNumberField("bytes_written", export.done());
                json.writeNumberField("bytes_total", export.of());
                json.writeNumberField("files", export.files());
                json.writeStringField("error", export.error().isEmpty() ? null : export.error());
                json.writeEndObject();
            }
        };
    }
}
