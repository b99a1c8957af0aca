package dev.slayer.server.engine;

import dev.slayer.surgery.SlayerException;
import java.util.List;
import java.util.Set;

/**
 * When generation ends.
 *
 * @param maxTokens most tokens to generate; 0 only scores the prompt
 * @param minTokens before this many tokens neither EOS nor a stop token is drawn and no stop string ends the text
 * @param stop strings that end the text, matched across token borders; empty strings are not allowed
 * @param stopTokenIds tokens that end the text, besides the model's EOS
 * @param ignoreEos go on after the model's EOS
 * @param includeStop keep the stop string in the text
 */
public record StopRules(
        int maxTokens,
        int minTokens,
        List<String> stop,
        Set<Integer> stopTokenIds,
        boolean ignoreEos,
        boolean includeStop) {

    /** @throws SlayerException 400 naming the field, the value and the allowed range */
    public StopRules {
        if (maxTokens < 0) {
            throw SlayerException.badRequest(
                    "max_tokens", "max_tokens=" + maxTokens + " is negative; allowed: 0 or more.");
        }
        if (minTokens < 0 || minTokens > maxTokens) {
            throw SlayerException.badRequest(
                    "min_tokens",
                    "min_tokens=" + minTokens + " is out of range; allowed: 0 to max_tokens=" + maxTokens + ".");
        }
        stop = List.copyOf(stop);
        if (stop.stream().anyMatch(String::isEmpty)) {
            throw SlayerException.badRequest(
                    "stop", "stop holds an empty string, which would end every text at once; leave it out.");
        }
        stopTokenIds = Set.copyOf(stopTokenIds);
    }

    /** So many tokens unless EOS comes first. */
    public static StopRules after(int maxTokens) {
        return new StopRules(maxTokens, 0, List.of(), Set.of(), false, false);
    }
}
