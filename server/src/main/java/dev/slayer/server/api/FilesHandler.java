package dev.slayer.server.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.server.store.Page;
import dev.slayer.server.store.StoredFile;
import io.vertx.ext.web.RoutingContext;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

/** GET /v1/files, GET and DELETE /v1/files/{id}, GET /v1/files/{id}/content. */
final class FilesHandler {
    /** Name of the path parameter. */
    static final String PARAMETER = "file_id";

    private static final int MOST = 10_000;

    private final ApiScope scope;

    FilesHandler(ApiScope scope) {
        this.scope = scope;
    }

    void list(RoutingContext ctx) {
        Answer.with(ctx, scope, 200, () -> {
            Page page = ListQuery.page(ctx, MOST, MOST);
            Optional<String> purpose = ListQuery.parameter(ctx, "purpose");
            return ListQuery.document(scope.training().files().list(purpose, page), FilesHandler::json);
        });
    }

    void one(RoutingContext ctx) {
        String id = ctx.pathParam(PARAMETER);
        Answer.with(
                ctx,
                scope,
                200,
                () -> ListQuery.document(json(scope.training().files().get(id))));
    }

    void content(RoutingContext ctx) {
        String id = ctx.pathParam(PARAMETER);
        ctx.vertx()
                .executeBlocking(
                        () -> new Content(
                                scope.training().files().get(id),
                                scope.training().files().content(id)),
                        false)
                .onFailure(ctx::fail)
                .onSuccess(content -> {
                    if (!ctx.response().ended() && !ctx.response().closed()) {
                        ctx.response()
                                .putHeader("content-type", "application/octet-stream")
                                .putHeader("content-disposition", disposition(content.file))
                                .sendFile(content.path.toString())
                                .onFailure(gone -> ClientConnection.drop(ctx));
                    }
                });
    }

    private record Content(StoredFile file, Path path) {}

    private static String disposition(StoredFile file) {
        return "attachment; filename*=UTF-8''"
                + URLEncoder.encode(file.filename(), StandardCharsets.UTF_8).replace("+", "%20");
    }

    void delete(RoutingContext ctx) {
        String id = ctx.pathParam(PARAMETER);
        Answer.with(ctx, scope, 200, () -> {
            scope.training().deleteFile(id);
            return ListQuery.document(Json.MAPPER
                    .createObjectNode()
                    .put("id", id)
                    .put("object", "file")
                    .put("deleted", true));
        });
    }

    static ObjectNode json(StoredFile file) {
        ObjectNode json = Json.MAPPER
                .createObjectNode()
                .put("id", file.id())
                .put("object", "file")
                .put("bytes", file.bytes())
                .put("created_at", file.created().getEpochSecond())
                .put("filename", file.filename())
                .put("purpose", file.purpose())
                .put("status", "processed");
        file.expires().ifPresent(time -> json.put("expires_at", time.getEpochSecond()));
        return json.putNull("status_details");
    }
}
