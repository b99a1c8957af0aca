package dev.slayer.server.api;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/**
 * The body of POST /v1/completions.
 *
 * @param prompts a string, a list of strings, token ids, or a list of token id lists: here always a list, tokenized
 * @param maxTokens most tokens to generate; empty is 16, or what is left of the context
 * @param echo begin the answer with the prompt
 * @param logprobs top tokens to name at each position, if log-probabilities are asked for
 * @param idsWithoutBos whether a prompt of token ids lacks the BOS that the tokenizer would have put
 * @param options the rest
 */
record CompletionRequest(
        List<Prompt> prompts,
        OptionalInt maxTokens,
        boolean echo,
        OptionalInt logprobs,
        boolean idsWithoutBos,
        GenerationOptions options) {
    static final int DEFAULT_MAX_TOKENS = 16;

    /** Reads and tokenizes; for a worker thread. @throws SlayerException 400 naming the field at fault */
    static CompletionRequest read(Fields fields, ServedModel model, ApiSettings settings) {
        int vocabulary = model.config().vocabularySize();
        GenerationOptions options = GenerationOptions.read(fields, settings, vocabulary);
        JsonNode prompt = fields.get("prompt")
                .orElseThrow(() -> SlayerException.badRequest(
                        "prompt", "prompt is missing; give a string, token ids, or a list of either."));
        boolean echo = fields.flag("echo", false);
        PromptReader reader = new PromptReader(model, options, fields.flag("add_special_tokens", true), echo);
        List<Prompt> prompts = reader.read(prompt, settings.maxSequences());
        return new CompletionRequest(
                prompts,
                fields.integer("max_tokens", 0, Integer.MAX_VALUE),
                echo,
                fields.integer("logprobs", 0, settings.maxLogprobs()),
                reader.idsWithoutBos,
                options);
    }

    /** Tells the four forms of {@code prompt} apart. */
    private static final class PromptReader {
        private final ServedModel model;
        private final GenerationOptions options;
        private final boolean addSpecialTokens;
        private final boolean echo;
        private boolean idsWithoutBos;

        PromptReader(ServedModel model, GenerationOptions options, boolean addSpecialTokens, boolean echo) {
            this.model = model;
            this.options = options;
            this.addSpecialTokens = addSpecialTokens;
            this.echo = echo;
        }

        List<Prompt> read(JsonNode prompt, int maxSequences) {
            boolean single =
                    !prompt.isArray() || prompt.isEmpty() || prompt.get(0).isNumber();
            int count = single ? 1 : prompt.size();
            if ((long) count * options.n() > maxSequences) {
                throw SlayerException.badRequest(
                        single ? "n" : "prompt",
                        count + " prompts with n=" + options.n() + " answers each are too many; allowed: "
                                + maxSequences + " answers in all (max-sequences). Send several requests.");
            }
            if (single) {
                return List.of(one(prompt, "prompt"));
            }
            List<Prompt> prompts = new ArrayList<>(count);
            for (Fields.Element element : Fields.elements(prompt, "prompt")) {
                prompts.add(one(element.value(), element.path()));
            }
            return prompts;
        }

        private Prompt one(JsonNode prompt, String path) {
            if (prompt.isTextual()) {
                String text = Fields.text(prompt, path);
                return Prompt.ofText(model, text, addSpecialTokens, options, echo, path);
            }
            if (!prompt.isArray()) {
                throw Fields.wrong(path, prompt, "a string or an array of token ids");
            }
            int[] tokens = Fields.tokens(prompt, path, model.config().vocabularySize());
            OptionalInt bos = model.tokenizer().bosTokenId();
            boolean lacksBos = tokens.length > 0 && bos.isPresent() && tokens[0] != bos.getAsInt();
            idsWithoutBos = idsWithoutBos || (lacksBos && model.addsBos());
            return Prompt.ofTokens(model, tokens, options, echo, path);
        }
    }
}
