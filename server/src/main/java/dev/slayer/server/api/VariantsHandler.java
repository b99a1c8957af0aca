package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonGenerator;
import io.vertx.ext.web.RoutingContext;
import java.util.Collection;
import java.util.Optional;

/** POST and GET /v1/variants, GET and DELETE /v1/variants/{name}. */
final class VariantsHandler {
    /** Name of the path parameter. */
    static final String PARAMETER = "name";

    private final ApiScope scope;

    VariantsHandler(ApiScope scope) {
        this.scope = scope;
    }

    void create(RoutingContext ctx) {
        byte[] body = BodyReader.body(ctx);
        Answer.with(ctx, scope, 201, () -> {
            VariantRequest request = VariantRequest.read(Json.parse(body));
            return document(scope.catalog().create(request.name(), request.base()));
        });
    }

    void list(RoutingContext ctx) {
        Answer.with(ctx, scope, 200, () -> {
            Collection<Variant> variants = scope.catalog().variants();
            return out -> {
                try (JsonGenerator json = Json.MAPPER.createGenerator(out)) {
                    json.writeStartObject();
                    json.writeStringField("object", "list");
                    json.writeArrayFieldStart("data");
                    for (Variant variant : variants) {
                        json.writeStartObject();
                        VariantView.writeHead(json, variant);
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
        Answer.with(ctx, scope, 200, () -> document(scope.catalog().variant(name)));
    }

    void delete(RoutingContext ctx) {
        String name = ctx.pathParam(PARAMETER);
        Answer.with(ctx, scope, 200, () -> {
            scope.catalog().delete(name);
            scope.metrics().forget(name);
            return out -> {
                try (JsonGenerator json = Json.MAPPER.createGenerator(out)) {
                    json.writeStartObject();
                    json.writeStringField("name", name);
                    json.writeStringField("object", "variant");
                    json.writeBooleanField("deleted", true);
                    json.writeEndObject();
                }
            };
        });
    }

    private JsonBody.Document document(Variant variant) {
        Optional<VariantView.Stack> stack = VariantView.stack(
                variant, scope.engine(), scope.models().deltas().keySet());
        return out -> {
            try (JsonGenerator json = Json.MAPPER.createGenerator(out)) {
                json.writeStartObject();
                VariantView.writeHead(json, variant);
                if (stack.isPresent()) {
                    stack.get().write(json);
                }
                json.writeEndObject();
            }
        };
    }
}
