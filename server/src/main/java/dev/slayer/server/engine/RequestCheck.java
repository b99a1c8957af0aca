package dev.slayer.server.engine;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.ModelConfig;

/** What can be said of a request before it runs. */
final class RequestCheck {
    private RequestCheck() {}

    /** @throws SlayerException 400 or 507 naming what does not fit */
    static void check(SequenceRequest request, EngineModel model, long kvLimit) {
        ModelConfig config = model.runner().config();
        int[] prompt = request.prompt();
        if (prompt.length == 0) {
            throw SlayerException.badRequest("prompt", "The prompt has no tokens; send at least one.");
        }
        for (int token : prompt) {
            known("prompt", token, config);
        }
        request.sampling().logitBias().keySet().forEach(token -> known("logit_bias", token, config));
        request.stop().stopTokenIds().forEach(token -> known("stop_token_ids", token, config));
        request.scores().distributionsFrom().ifPresent(from -> {
            if (from < 0 || from >= prompt.length) {
                throw SlayerException.badRequest(
                        "prompt",
                        "Distributions are asked for from position " + from + "; allowed: 0 to " + (prompt.length - 1)
                                + ".");
            }
        });
        long rows = (long) prompt.length + request.stop().maxTokens();
        if (rows > config.contextLength()) {
            throw new SlayerException(
                    400,
                    "context_length_exceeded",
                    "prompt",
                    "This model's context is " + config.contextLength() + " tokens, but the request needs " + rows
                            + ": "
                            + prompt.length + " in the prompt and max_tokens="
                            + request.stop().maxTokens()
                            + ". Shorten the prompt or ask for fewer tokens.",
                    null);
        }
        long bytes = model.runner().kvBytes(request.layout(), (int) rows);
        if (bytes > kvLimit) {
            throw new SlayerException(
                    507,
                    "kv_memory_exhausted",
                    "max_tokens",
                    "A sequence of " + rows + " tokens needs up to " + bytes
                            + " bytes of KV memory, but the server has " + kvLimit
                            + ". Ask for fewer tokens or start the server with more --kv-memory.",
                    null);
        }
    }

    private static void known(String field, int token, ModelConfig config) {
        if (token < 0 || token >= config.vocabularySize()) {
            throw SlayerException.badRequest(
                    field,
                    field + " holds token " + token + ", which is outside the vocabulary; allowed: 0 to "
                            + (config.vocabularySize() - 1) + ".");
        }
    }
}
