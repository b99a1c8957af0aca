package dev.slayer.server.api;

import dev.slayer.surgery.SlayerException;
import java.util.Arrays;
import java.util.OptionalInt;

/**
 * What to keep of a long prompt.
 *
 * @param tokens how many tokens; -1 as many as the context allows beside one generated token; empty keeps all
 * @param keepEnd cut at the beginning (the default) rather than at the end
 */
record Truncation(OptionalInt tokens, boolean keepEnd) {
    static Truncation read(Fields fields) {
        String side = fields.text("truncation_side").orElse("left");
        if (!side.equals("left") && !side.equals("right")) {
            throw SlayerException.badRequest(
                    "truncation_side", "truncation_side='" + Excerpt.of(side) + "' is unknown; allowed: left, right.");
        }
        OptionalInt tokens = fields.integer("truncate_prompt_tokens", -1, Integer.MAX_VALUE);
        if (tokens.isPresent() && tokens.getAsInt() == 0) {
            throw SlayerException.badRequest(
                    "truncate_prompt_tokens", "truncate_prompt_tokens=0 leaves no prompt; allowed: 1 or more, or -1.");
        }
        return new Truncation(tokens, side.equals("left"));
    }

    /** How many tokens may stay; empty if all may. */
    OptionalInt most(int maxModelLen) {
        return tokens.isPresent() && tokens.getAsInt() == -1 ? OptionalInt.of(Math.max(1, maxModelLen - 1)) : tokens;
    }

    /** The prompt, cut if need be; the same array if not. */
    int[] apply(int[] prompt, int maxModelLen) {
        if (tokens.isEmpty()) {
            return prompt;
        }
        int keep = most(maxModelLen).getAsInt();
        if (prompt.length <= keep) {
            return prompt;
        }
        return keepEnd
                ? Arrays.copyOfRange(prompt, prompt.length - keep, prompt.length)
                : Arrays.copyOfRange(prompt, 0, keep);
    }
}
