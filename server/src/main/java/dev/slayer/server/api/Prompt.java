package dev.slayer.server.api;

import dev.slayer.surgery.SlayerException;
import java.util.OptionalInt;

/**
 * A prompt as tokens and as text.
 *
 * @param tokens what the engine reads: [prompt]
 * @param text what echo shows
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
            boolean skipSpecial,
            Truncation cut,
            String path) {
        int[] all = encode(model, text, addSpecialTokens);
        int[] kept = cut.apply(all, model.maxModelLen());
        if (kept.length < all.length) {
            return ofTokens(model, kept, skipSpecial, Truncation.NONE, path);
        }
        OptionalInt bos = model.tokenizer().bosTokenId();
        boolean added = !beginsWithBos(model, text) && bos.isPresent() && all.length > 0 && all[0] == bos.getAsInt();
        return new Prompt(notEmpty(all, path), text, true, added);
    }

    /** Takes token ids as they are, without any BOS rule. */
    static Prompt ofTokens(ServedModel model, int[] tokens, boolean skipSpecial, Truncation cut, String path) {
        int[] kept = notEmpty(cut.apply(tokens, model.maxModelLen()), path);
        return new Prompt(kept, model.tokenizer().decode(kept, skipSpecial), !skipSpecial, false);
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
