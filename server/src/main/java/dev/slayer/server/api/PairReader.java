package dev.slayer.server.api;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;

/**
 * Makes passages of contexts and continuations, the way lm-evaluation-harness does: white space at the end of a context text moves to
 * its continuations, and the tokens of a continuation are those of the whole text without as many as the context alone has.
 * One reader per request.
 */
final class PairReader {
    /** Characters that one request has tokenized: each continuation costs its context once more. */
    private static final long MOST_CHARACTERS = 64 << 20;

    private final ServedModel model;
    private final PrefixToken prefix;
    private final Truncation truncation;
    private final boolean addSpecialTokens;
    private long characters;
    private boolean idsWithoutBos;

    PairReader(Fields fields, ServedModel model) {
        this.model = model;
        this.prefix = PrefixToken.read(fields, model);
        this.truncation = Truncation.read(fields);
        this.addSpecialTokens = fields.flag("add_special_tokens", true);
        if (!truncation.keepEnd()) {
            throw SlayerException.badRequest(
                    "truncation_side", "truncation_side=right would cut what is to be scored; allowed: left.");
        }
    }

    /** Whether a context of token ids lacked the BOS that the tokenizer would have put. */
    boolean idsWithoutBos() {
        return idsWithoutBos;
    }

    /**
     * The continuations of one context.
     *
     * @param fields an object with {@code context} and {@code continuations}
     * @throws SlayerException 400 naming what is missing, of the wrong type, too long, or without a token to score
     */
    List<ScoreRequest.Continuation> read(Fields fields) {
        String path = fields.pathOf("context");
        JsonNode context = fields.get("context")
                .orElseThrow(() -> SlayerException.badRequest(
                        path, path + " is missing; give a text or token ids, empty to score without any."));
        List<Fields.Element> continuations = fields.array("continuations");
        if (continuations.isEmpty()) {
            String list = fields.pathOf("continuations");
            throw SlayerException.badRequest(
                    list, list + " is missing or empty; give a list of texts or token id lists.");
        }
        if (context.isTextual()) {
            return texts(Fields.text(context, path), path, continuations);
        }
        if (!context.isArray()) {
            throw Fields.wrong(path, context, "a string or an array of token ids");
        }
        return ids(Fields.tokens(context, path, model.config().vocabularySize()), continuations);
    }

    private List<ScoreRequest.Continuation> texts(String text, String path, List<Fields.Element> continuations) {
        int end = endOfWords(text);
        String context = text.substring(0, end);
        String space = text.substring(end);
        int[] head = context.isEmpty() ? new int[0] : encode(context, addSpecialTokens, path);
        List<ScoreRequest.Continuation> read = new ArrayList<>(continuations.size());
        for (Fields.Element element : continuations) {
            String continuation = element.text();
            Passage passage;
            if (context.isEmpty()) {
                passage = prefix.before(encode(space + continuation, false, element.path()), element.path());
            } else {
                int[] whole = encode(context + space + continuation, addSpecialTokens, element.path());
                int[] scored = Arrays.copyOfRange(whole, Math.min(head.length, whole.length), whole.length);
                passage = passage(head, scored, element.path());
            }
            read.add(new ScoreRequest.Continuation(fitted(passage, element.path()), TextSize.of(continuation)));
        }
        return read;
    }

    private List<ScoreRequest.Continuation> ids(int[] context, List<Fields.Element> continuations) {
        OptionalInt bos = model.tokenizer().bosTokenId();
        boolean lacksBos = context.length > 0 && bos.isPresent() && context[0] != bos.getAsInt();
        idsWithoutBos |= lacksBos && model.addsBos();
        List<ScoreRequest.Continuation> read = new ArrayList<>(continuations.size());
        for (Fields.Element element : continuations) {
            int[] scored = Fields.tokens(
                    element.value(), element.path(), model.config().vocabularySize());
            Passage passage = context.length == 0
                    ? prefix.before(scored, element.path())
                    : passage(context, scored, element.path());
            TextSize size = TextSize.of(TokenSpan.of(scored), model.tokenizer().vocabulary());
            read.add(new ScoreRequest.Continuation(fitted(passage, element.path()), size));
        }
        return read;
    }

    private static Passage passage(int[] context, int[] scored, String path) {
        if (scored.length == 0) {
            throw SlayerException.badRequest(
                    path,
                    path + " has no token of its own: it is empty, or becomes part of the context's last token."
                            + " Give context and continuation as token ids, or divide them elsewhere.");
        }
        return new Passage(TokenSpan.of(context), TokenSpan.of(scored));
    }

    /** Cuts a context at its beginning if the request says so. */
    private Passage fitted(Passage passage, String path) {
        int scored = passage.scored().length();
        int most = truncation.most(model.maxModelLen()).orElse(Integer.MAX_VALUE);
        if (scored >= most) {
            throw SlayerException.badRequest(
                    path,
                    path + " has " + scored + " tokens, which truncate_prompt_tokens leaves no context for; allowed: "
                            + (most - 1) + ".");
        }
        Passage kept = passage.length() <= most
                ? passage
                : new Passage(passage.context().last(most - scored), passage.scored());
        if (kept.length() > model.maxModelLen()) {
            throw tooLong(
                    path,
                    "context and continuation have " + kept.length() + ": "
                            + kept.context().length() + " and " + scored);
        }
        return kept;
    }

    /** Tokens of a text that may be in the context's size; finding out those of longer ones could take minutes. */
    private int[] encode(String text, boolean withSpecialTokens, String path) {
        boolean cut = truncation.most(model.maxModelLen()).isPresent();
        if (!cut && Prompt.cannotFit(model, text)) {
            throw tooLong(path, "context and continuation have " + text.length() + " characters, which are more");
        }
        characters += text.length();
        if (characters > MOST_CHARACTERS) {
            throw SlayerException.badRequest(
                    path,
                    "This request has over " + MOST_CHARACTERS
                            + " characters to tokenize (a context counts for each of its continuations, too); send it in"
                            + " parts, or as token ids.");
        }
        return Prompt.encode(model, text, withSpecialTokens, path);
    }

    private SlayerException tooLong(String path, String what) {
        return new SlayerException(
                400,
                "context_length_exceeded",
                path,
                path + ": this model's maximum context length is " + model.maxModelLen() + " tokens, but " + what
                        + ". Shorten the context, or set truncate_prompt_tokens=-1 to cut it at its beginning.",
                null);
    }

    /** Where a text ends without the white space at its end, as Python's rstrip sees it. */
    static int endOfWords(String text) {
        int end = text.length();
        while (end > 0 && isSpace(text.charAt(end - 1))) {
            end--;
        }
        return end;
    }

    private static boolean isSpace(char c) {
        return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == '\u0085';
    }
}
