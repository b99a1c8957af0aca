package dev.slayer.server.api;

import dev.slayer.surgery.SlayerException;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The body of POST /v1/chat/completions.
 *
 * @param prompt the conversation, rendered and tokenized
 * @param maxTokens most tokens to generate; empty is what is left of the context
 * @param topLogprobs top tokens to name at each position, if log-probabilities are asked for
 * @param options the rest
 */
record ChatRequest(Prompt prompt, OptionalInt maxTokens, OptionalInt topLogprobs, GenerationOptions options) {

    /** Reads, renders and tokenizes; for a worker thread. @throws SlayerException 400 naming the field at fault */
    static ChatRequest read(Fields fields, ServedModel model, ApiSettings settings) {
        GenerationOptions options =
                GenerationOptions.read(fields, settings, model.config().vocabularySize());
        if (options.n() > settings.maxSequences()) {
            throw SlayerException.badRequest(
                    "n",
                    "n=" + options.n() + " answers are too many; allowed: " + settings.maxSequences()
                            + " (max-sequences).");
        }
        if (fields.flag("echo", false)) {
            throw SlayerException.badRequest("echo", "echo belongs to /v1/completions; leave it out.");
        }
        String text = Fields.wholeCharacters(Conversation.read(fields).render(model), "messages");
        boolean addSpecialTokens = fields.flag("add_special_tokens", false);
        Prompt prompt = Prompt.ofText(model, text, addSpecialTokens, options, false, "messages");
        OptionalInt maxTokens = fields.integer("max_completion_tokens", 0, Integer.MAX_VALUE);
        return new ChatRequest(
                prompt,
                maxTokens.isPresent() ? maxTokens : fields.integer("max_tokens", 0, Integer.MAX_VALUE),
                topLogprobs(fields, settings),
                options);
    }

    private static OptionalInt topLogprobs(Fields fields, ApiSettings settings) {
        OptionalInt top = fields.integer("top_logprobs", 0, settings.maxLogprobs());
        Optional<Boolean> logprobs = fields.flag("logprobs");
        if (!logprobs.orElse(false)) {
            if (top.orElse(0) > 0) {
                throw SlayerException.badRequest("top_logprobs", "top_logprobs needs logprobs=true.");
            }
            return OptionalInt.empty();
        }
        return OptionalInt.of(top.orElse(0));
    }
}
