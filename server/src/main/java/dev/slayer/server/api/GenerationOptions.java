package dev.slayer.server.api;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.server.engine.Sampling;
import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * The fields that completions and chat completions share. Defaults are neutral: nothing of generation_config.json alters an answer
 * unless the client asks for it.
 *
 * @param sampling how tokens are drawn
 * @param minTokens tokens before which nothing ends the text
 * @param stop strings that end the text
 * @param stopTokenIds tokens that end the text
 * @param ignoreEos go on after EOS
 * @param includeStop keep the stop string in the text
 * @param skipSpecialTokens leave special tokens out of the text
 * @param n answers per prompt
 * @param promptLogprobs top tokens to name at each prompt position, if asked for
 * @param stream send the answer as it comes
 * @param includeUsage end a stream with a chunk of usage
 * @param returnTokenIds name prompt and generated tokens by id
 * @param tokensAsIds write {@code token_id:N} where log-probabilities name tokens
 * @param truncation what to keep of a long prompt
 * @param constraint what the generated text must be
 */
record GenerationOptions(
        Sampling sampling,
        int minTokens,
        List<String> stop,
        Set<Integer> stopTokenIds,
        boolean ignoreEos,
        boolean includeStop,
        boolean skipSpecialTokens,
        int n,
        OptionalInt promptLogprobs,
        boolean stream,
        boolean includeUsage,
        boolean returnTokenIds,
        boolean tokensAsIds,
        Truncation truncation,
        Optional<OutputConstraint> constraint) {
    private static final int MOST_STOPS = 64;
    private static final int LONGEST_STOP = 1000;
    private static final int MOST_CHOICES = 128;

    /** @throws SlayerException 400 naming the field at fault */
    static GenerationOptions read(Fields fields, ApiSettings settings, int vocabulary) {
        UnsupportedFields.refuse(fields);
        boolean stream = fields.flag("stream", false);
        OptionalInt promptLogprobs = fields.integer("prompt_logprobs", 0, settings.maxLogprobs());
        if (stream && promptLogprobs.isPresent()) {
            throw SlayerException.badRequest(
                    "prompt_logprobs", "prompt_logprobs cannot be streamed; use echo with logprobs, or stream=false.");
        }
        if (!stream && fields.has("stream_options")) {
            throw SlayerException.badRequest("stream_options", "stream_options needs stream=true.");
        }
        return new GenerationOptions(
                sampling(fields, vocabulary),
                fields.integer("min_tokens", 0, Integer.MAX_VALUE).orElse(0),
                stop(fields),
                stopTokens(fields, vocabulary),
                fields.flag("ignore_eos", false),
                fields.flag("include_stop_str_in_output", false),
                fields.flag("skip_special_tokens", true),
                fields.integer("n", 1, MOST_CHOICES).orElse(1),
                promptLogprobs,
                stream,
                fields.object("stream_options")
                        .map(options -> options.flag("include_usage", false))
                        .orElse(false),
                fields.flag("return_token_ids", false),
                fields.flag("return_tokens_as_token_ids", false),
                Truncation.read(fields),
                OutputConstraint.read(fields));
    }

    private static Sampling sampling(Fields fields, int vocabulary) {
        return new Sampling(
                fields.number("temperature", 1),
                fields.number("top_p", 1),
                fields.integer("top_k", -1, Integer.MAX_VALUE).orElse(0),
                fields.number("min_p", 0),
                fields.number("repetition_penalty", 1),
                fields.number("presence_penalty", 0),
                fields.number("frequency_penalty", 0),
                logitBias(fields, vocabulary),
                fields.whole("seed"));
    }

    private static Map<Integer, Double> logitBias(Fields fields, int vocabulary) {
        Map<Integer, Double> bias = new HashMap<>();
        fields.object("logit_bias").ifPresent(map -> {
            for (Map.Entry<String, JsonNode> entry : map.node().properties()) {
                String path = "logit_bias[" + Excerpt.of(entry.getKey()) + "]";
                bias.put(tokenKey(entry.getKey(), path, vocabulary), Fields.number(entry.getValue(), path));
            }
        });
        return bias;
    }

    private static int tokenKey(String key, String path, int vocabulary) {
        boolean digits = !key.isEmpty() && key.length() <= 9 && key.chars().allMatch(c -> c >= '0' && c <= '9');
        if (!digits || Integer.parseInt(key) >= vocabulary) {
            throw SlayerException.badRequest(
                    path, path + " does not name a token; keys are token ids from 0 to " + (vocabulary - 1) + ".");
        }
        return Integer.parseInt(key);
    }

    private static List<String> stop(Fields fields) {
        JsonNode value = fields.get("stop").orElse(null);
        List<String> stop = new ArrayList<>();
        if (value != null && value.isTextual()) {
            stop.add(fields.text("stop").orElseThrow());
        } else {
            fields.array("stop").forEach(element -> stop.add(element.text()));
        }
        if (stop.size() > MOST_STOPS || stop.stream().anyMatch(text -> text.length() > LONGEST_STOP)) {
            throw SlayerException.badRequest(
                    "stop",
                    "stop holds too much; allowed: " + MOST_STOPS + " strings of up to " + LONGEST_STOP
                            + " characters each.");
        }
        return stop;
    }

    private static Set<Integer> stopTokens(Fields fields, int vocabulary) {
        Set<Integer> tokens = new HashSet<>();
        fields.array("stop_token_ids").forEach(element -> tokens.add(element.integer(0, vocabulary - 1)));
        return tokens;
    }
}
