package dev.slayer.server.engine;

import dev.slayer.surgery.SlayerException;
import java.util.Map;
import java.util.OptionalLong;

/**
 * How the next token is drawn. Ranges are checked here, with the name of the request field in the message.
 *
 * @param temperature 0 (greedy) to 2
 * @param topP nucleus, over 0 to 1; 1 is off
 * @param topK number of candidates; 0 or -1 is off
 * @param minP least probability relative to the most probable token, 0 to 1; 0 is off
 * @param repetitionPenalty over 0; 1 is off; counts prompt and output tokens
 * @param presencePenalty -2 to 2; counts output tokens
 * @param frequencyPenalty -2 to 2; counts output tokens
 * @param logitBias token id to bias, -100 to 100
 * @param seed makes the draw repeatable; empty is unseeded
 */
public record Sampling(
        double temperature,
        double topP,
        int topK,
        double minP,
        double repetitionPenalty,
        double presencePenalty,
        double frequencyPenalty,
        Map<Integer, Double> logitBias,
        OptionalLong seed) {

    /** Greedy, nothing else. */
    public static final Sampling GREEDY = new Sampling(0, 1, 0, 0, 1, 0, 0, Map.of(), OptionalLong.empty());

    /** @throws SlayerException 400 naming the field, the value and the allowed range */
    public Sampling {
        within("temperature", temperature, 0, 2);
        within("top_p", topP, 0, 1);
        if (topP == 0) {
            throw SlayerException.badRequest("top_p", "top_p=0.0 leaves no token; allowed: over 0 to 1.");
        }
        if (topK < -1) {
            throw SlayerException.badRequest(
                    "top_k", "top_k=" + topK + " is out of range; allowed: 1 or more, 0 or -1 for off.");
        }
        within("min_p", minP, 0, 1);
        if (!(repetitionPenalty > 0) || Double.isInfinite(repetitionPenalty)) {
            throw SlayerException.badRequest(
                    "repetition_penalty",
                    "repetition_penalty=" + repetitionPenalty + " is out of range; allowed: over 0.");
        }
        within("presence_penalty", presencePenalty, -2, 2);
        within("frequency_penalty", frequencyPenalty, -2, 2);
        logitBias = Map.copyOf(logitBias);
        logitBias.forEach((token, bias) -> within("logit_bias[" + token + "]", bias, -100, 100));
    }

    /** Whether the most probable token is taken without a draw. */
    public boolean greedy() {
        return temperature == 0;
    }

    private static void within(String field, double value, double low, double high) {
        if (!(value >= low && value <= high)) {
            throw SlayerException.badRequest(
                    field, field + "=" + value + " is out of range; allowed: " + low + " to " + high + ".");
        }
    }
}
