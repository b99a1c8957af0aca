package dev.slayer.server.api;

import dev.slayer.surgery.SlayerException;
import java.util.OptionalInt;

/**
 * A prompt as tokens and as text.
 *
 * @param tokens what the engine reads: [prompt]
 * @param text what echo shows; may be empty if the request does not ask for it
 * @param showsSpecial whether special tokens are part of the text
 * @param addedBos whether the first token is a BOS that is not part of the text
 */
record Prompt(int[] tokens, String text, boolean showsSpecial, boolean addedBos) {

    /**
     * Tokenizes a text. It gets the tokenizer's BOS unless it begins with one already, or special tokens are not wanted.
     *
     * @param path where the text stood in the request
     */
    static Prompt ofText(
            ServedModel model,
            String text,
            boolean addSpecialTokens,
            GenerationOptions options,
            boolean echo,
            String path) {
        int[] all = encode(model, text, addSpecialTokens);
        int[] kept = options.truncation().apply(all, model.maxModelLen());
        if (kept.length < all.length) {
            return ofKept(model, kept, options, echo, path);
        }
        OptionalInt bos = model.tokenizer().bosTokenId();
        boolean added = !beginsWithBos(model, text) && bos.isPresent() && all.length > 0 && all[0] == bos.getAsInt();
        return new Prompt(notEmpty(all, path), text, true, added);
    }

    /** Takes token ids as they are, without any BOS rule. */
    static Prompt ofTokens(ServedModel model, int[] tokens, GenerationOptions options, boolean echo, String path) {
        return ofKept(model, options.truncation().apply(tokens, model.maxModelLen()), options, echo, path);
    }

    private static Prompt ofKept(ServedModel model, int[] kept, GenerationOptions options, boolean echo, String path) {
        boolean skipSpecial = options.skipSpecialTokens();
        String text = echo ? model.tokenizer().decode(kept, skipSpecial) : "";
        return new Prompt(notEmpty(kept, path), text, !skipSpecial, false);
    }

    /** Tokens of a text, with the tokenizer's BOS unless the text begins with one already, or special tokens are not wanted. */
    static int[] encode(ServedModel model, String text, boolean addSpecialTokens) {
        return model.tokenizer().encode(text, addSpecialTokens && !beginsWithBos(model, text));
    }

    private static boolean beginsWithBos(ServedModel model, String text) {
        return model.tokenizer().info().get("bos_token") instanceof String bos
                && !bos.isEmpty()
                && text.startsWith(bos);
    }

    private static int[] notEmpty(int[] tokens, String path) {
        if (tokens.length == 0) {
            throw SlayerException.badRequest(path, path + " is empty; give at least one token.");
        }
        return tokens;
    }
}
