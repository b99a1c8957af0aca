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
    /** No vocabulary of this family has a token of more characters: Llama 3's longest are 128 spaces. */
    private static final int LONGEST_TOKEN = 128;

    /** Characters that are tokenized in one piece: a few seconds of work. */
    private static final int LONGEST_TEXT = 4 << 20;

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
        checkFits(model, text, options, path);
        int[] all = encode(model, text, addSpecialTokens, path);
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

    /** Refuses a text that is too long for the context whatever its tokens are: finding them out could take minutes. */
    private static void checkFits(ServedModel model, String text, GenerationOptions options, String path) {
        boolean cut = options.truncation().tokens().isPresent();
        if (!cut && cannotFit(model, text)) {
            throw new SlayerException(
                    400,
                    "context_length_exceeded",
                    path,
                    "This model's maximum context length is " + model.maxModelLen() + " tokens, but the prompt has "
                            + text.length() + " characters, which are more. Shorten the prompt.",
                    null);
        }
    }

    /** Whether a text is too long for the context whatever its tokens are. */
    static boolean cannotFit(ServedModel model, String text) {
        return text.length() > (long) LONGEST_TOKEN * model.maxModelLen();
    }

    /**
     * Tokens of a text, with the tokenizer's BOS unless the text begins with one already, or special tokens are not wanted.
     *
     * @param path where the text stood in the request
     * @throws SlayerException 400 for a text so long that tokenizing it would keep a thread and gigabytes busy
     */
    static int[] encode(ServedModel model, String text, boolean addSpecialTokens, String path) {
        if (text.length() > LONGEST_TEXT) {
            throw SlayerException.badRequest(
                    path,
                    "A text of " + text.length() + " characters is too long to tokenize; allowed: " + LONGEST_TEXT
                            + ". Send it in parts.");
        }
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
