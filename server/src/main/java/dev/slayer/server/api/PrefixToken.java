package dev.slayer.server.api;

import dev.slayer.surgery.SlayerException;
import java.util.OptionalInt;

/**
 * What a text that nothing stands before is conditioned on: {@code prefix_token_id} of the request, otherwise the tokenizer's BOS,
 * otherwise its EOS.
 *
 * @param id empty if there is none of them
 */
record PrefixToken(OptionalInt id) {
    private static final String FIELD = "prefix_token_id";

    static PrefixToken read(Fields fields, ServedModel model) {
        OptionalInt named = fields.integer(FIELD, 0, model.config().vocabularySize() - 1);
        if (named.isPresent()) {
            return new PrefixToken(named);
        }
        OptionalInt bos = model.tokenizer().bosTokenId();
        return new PrefixToken(bos.isPresent() ? bos : model.tokenizer().eosTokenId());
    }

    /**
     * All tokens of a text after the prefix. Where the text begins with that very token it is not doubled, but taken for it.
     *
     * @param path where the text stood in the request
     */
    Passage before(int[] tokens, String path) {
        int prefix = id.orElseThrow(() -> SlayerException.badRequest(
                FIELD,
                path + " has nothing before it, and this model's tokenizer names neither a BOS nor an EOS token;"
                        + " name the token to begin with in " + FIELD + "."));
        boolean there = tokens.length > 0 && tokens[0] == prefix;
        TokenSpan all = TokenSpan.of(tokens);
        TokenSpan scored = there ? all.part(1, tokens.length) : all;
        if (scored.length() == 0) {
            throw nothingToScore(path);
        }
        return new Passage(there ? all.part(0, 1) : TokenSpan.of(prefix), scored);
    }

    static SlayerException nothingToScore(String path) {
        return SlayerException.badRequest(path, path + " has no token to score; give at least one.");
    }
}
