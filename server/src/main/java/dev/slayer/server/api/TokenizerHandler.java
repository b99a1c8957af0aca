package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.slayer.server.text.Vocabulary;
import dev.slayer.surgery.SlayerException;
import io.vertx.ext.web.RoutingContext;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Map;
import java.util.concurrent.Callable;

/** POST /tokenize and /detokenize, GET /tokenizer_info: the tokenizer of a model, for clients that have none. */
final class TokenizerHandler {
    private final ApiScope scope;

    TokenizerHandler(ApiScope scope) {
        this.scope = scope;
    }

    void tokenize(RoutingContext ctx) {
        byte[] body = BodyReader.body(ctx);
        RequestedModel wanted = RequestedModel.of(ctx);
        answer(ctx, () -> {
            Fields fields = Json.parse(body);
            try (ModelUse use = scope.models().use(wanted.or(fields))) {
                ServedModel model = use.model();
                int[] tokens = tokens(fields, model);
                boolean strings = fields.flag("return_token_strs", false);
                return out -> writeTokens(out, model, tokens, strings);
            }
        });
    }

    void detokenize(RoutingContext ctx) {
        byte[] body = BodyReader.body(ctx);
        RequestedModel wanted = RequestedModel.of(ctx);
        answer(ctx, () -> {
            Fields fields = Json.parse(body);
            String text = text(fields, wanted);
            return out -> {
                try (JsonGenerator json = Json.MAPPER.createGenerator(out)) {
                    json.writeStartObject();
                    json.writeStringField("prompt", text);
                    json.writeEndObject();
                }
            };
        });
    }

    void info(RoutingContext ctx) {
        RequestedModel wanted = RequestedModel.of(ctx);
        answer(ctx, () -> {
            try (ModelUse use = scope.models().use(wanted)) {
                Map<String, Object> info = use.model().tokenizer().info();
                return out -> Json.MAPPER.writeValue(out, info);
            }
        });
    }

    private void answer(RoutingContext ctx, Callable<JsonBody.Document> work) {
        ctx.vertx()
                .executeBlocking(work, false)
                .onSuccess(document -> JsonBody.send(ctx, scope.settings().stallTimeout(), document))
                .onFailure(ctx::fail);
    }

    private String text(Fields fields, RequestedModel wanted) {
        try (ModelUse use = scope.models().use(wanted.or(fields))) {
            ServedModel model = use.model();
            int[] tokens = fields.get("tokens")
                    .map(value -> Fields.tokens(value, "tokens", model.config().vocabularySize()))
                    .orElseThrow(() -> SlayerException.badRequest("tokens", "tokens is missing; give token ids."));
            return model.tokenizer().decode(tokens, false);
        }
    }

    private static int[] tokens(Fields fields, ServedModel model) {
        boolean chat = fields.has("messages");
        if (chat == fields.has("prompt")) {
            throw SlayerException.badRequest("prompt", "Give either prompt, a string, or messages.");
        }
        String text = chat
                ? Fields.wholeCharacters(Conversation.read(fields).render(model), "messages")
                : fields.text("prompt").orElseThrow();
        return Prompt.encode(model, text, fields.flag("add_special_tokens", !chat), chat ? "messages" : "prompt");
    }

    private static void writeTokens(OutputStream out, ServedModel model, int[] tokens, boolean strings)
            throws IOException {
        try (JsonGenerator json = Json.MAPPER.createGenerator(out)) {
            json.writeStartObject();
            json.writeNumberField("count", tokens.length);
            json.writeNumberField("max_model_len", model.maxModelLen());
            json.writeFieldName("tokens");
            json.writeArray(tokens, 0, tokens.length);
            if (strings) {
                Vocabulary vocabulary = model.tokenizer().vocabulary();
                json.writeArrayFieldStart("token_strs");
                for (int token : tokens) {
                    json.writeString(vocabulary.piece(token));
                }
                json.writeEndArray();
            } else {
                json.writeNullField("token_strs");
            }
            json.writeEndObject();
        }
    }
}
