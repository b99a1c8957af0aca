package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The body of POST /v1/perplexity.
 *
 * @param texts in the request's order
 * @param showWindows whether the answer tells of each window
 */
record PerplexityRequest(List<Text> texts, boolean showWindows) implements ReadingJob<Passage.Score> {
    /** A window has a token to begin with and one to score, and lm-evaluation-harness keeps room for one that it generates. */
    private static final int SHORTEST = 3;

    private static final List<String> INPUTS = List.of("text", "tokens", "input");

    /**
     * A text.
     *
     * @param windows that score each of its tokens once
     * @param size as it was given
     */
    record Text(List<Passage> windows, TextSize size) {}

    static PerplexityRequest read(Fields fields, ServedModel model) {
        List<Fields.Element> inputs = inputs(fields);
        PrefixToken prefix = PrefixToken.read(fields, model);
        RollingWindows rolling = rolling(fields, model);
        List<Text> texts = new ArrayList<>(inputs.size());
        long windows = 0;
        for (Fields.Element input : inputs) {
            Source source = source(input, model);
            Passage whole = prefix.before(source.tokens, input.path());
            windows += rolling.count(whole.scored().length());
            if (windows > MOST_PASSAGES) {
                throw SlayerException.badRequest(
                        input.path(),
                        input.path() + " brings the request to " + windows + " windows; allowed: " + MOST_PASSAGES
                                + ". Send several requests, or a larger stride.");
            }
            texts.add(new Text(rolling.over(whole), source.size));
        }
        return new PerplexityRequest(texts, fields.flag("return_windows", false));
    }

    private record Source(int[] tokens, TextSize size) {}

    private static Source source(Fields.Element input, ServedModel model) {
        if (input.value().isTextual()) {
            String text = input.text();
            return new Source(Prompt.encode(model, text, false, input.path()), TextSize.of(text));
        }
        if (!input.value().isArray()) {
            throw Fields.wrong(input.path(), input.value(), "a string or an array of token ids");
        }
        int[] tokens = Fields.tokens(input.value(), input.path(), model.config().vocabularySize());
        return new Source(tokens, TextSize.of(model.tokenizer().decode(tokens, false)));
    }

    private static List<Fields.Element> inputs(Fields fields) {
        List<String> given = INPUTS.stream().filter(fields::has).toList();
        if (given.size() != 1) {
            throw SlayerException.badRequest(
                    "input", "Give one of text, tokens (a text's ids) and input (a text or ids, or a list of either).");
        }
        String path = given.getFirst();
        JsonNode value = fields.get(path).orElseThrow();
        boolean wrong = path.equals("text") ? !value.isTextual() : path.equals("tokens") && !value.isArray();
        if (wrong) {
            throw Fields.wrong(path, value, path.equals("text") ? "a string" : "an array of token ids");
        }
        boolean several = path.equals("input")
                && value.isArray()
                && !value.isEmpty()
                && !value.get(0).isNumber();
        return several ? Fields.elements(value, path) : List.of(new Fields.Element(value, path));
    }

    private static RollingWindows rolling(Fields fields, ServedModel model) {
        int longest = model.maxModelLen();
        OptionalInt maxLength = fields.integer("max_length", SHORTEST, Math.max(SHORTEST, longest));
        int size = Math.max(SHORTEST, maxLength.orElse(longest)) - 1;
        return new RollingWindows(size, fields.integer("stride", 1, size - 1).orElse(size - 1));
    }

    @Override
    public String kind() {
        return "perplexity";
    }

    @Override
    public List<Passage> readings() {
        return texts.stream().flatMap(text -> text.windows.stream()).toList();
    }

    @Override
    public Optional<String> warning() {
        return Optional.empty();
    }

    @Override
    public void writeData(JsonGenerator json, List<Passage.Score> scores) throws IOException {
        int first = 0;
        for (int i = 0; i < texts.size(); i++) {
            Text text = texts.get(i);
            int behind = first + text.windows.size();
            json.writeStartObject();
            json.writeStringField("object", "perplexity");
            json.writeNumberField("index", i);
            write(json, text, scores.subList(first, behind));
            json.writeEndObject();
            first = behind;
        }
    }

    private void write(JsonGenerator json, Text text, List<Passage.Score> scores) throws IOException {
        double logprob = scores.stream().mapToDouble(Passage.Score::sum).sum();
        long tokens =
                scores.stream().mapToLong(score -> score.logprobs().length).sum();
        json.writeNumberField("logprob", logprob);
        json.writeNumberField("scored_tokens", tokens);
        json.writeNumberField("bytes", text.size.bytes());
        json.writeNumberField("characters", text.size.characters());
        writeFinite(json, "perplexity", Math.exp(-logprob / tokens));
        writeFinite(json, "bits_per_byte", -logprob / (text.size.bytes() * Math.log(2)));
        if (showWindows) {
            json.writeArrayFieldStart("windows");
            for (int i = 0; i < scores.size(); i++) {
                json.writeStartObject();
                json.writeNumberField(
                        "context_tokens", text.windows.get(i).context().length());
                json.writeNumberField(
                        "scored_tokens", text.windows.get(i).scored().length());
                json.writeNumberField("logprob", scores.get(i).sum());
                json.writeEndObject();
            }
            json.writeEndArray();
        }
    }

    /** JSON has no infinity: null for a quotient by no bytes, or a perplexity beyond all numbers. */
    private static void writeFinite(JsonGenerator json, String field, double value) throws IOException {
        if (Double.isFinite(value)) {
            json.writeNumberField(field, value);
        } else {
            json.writeNullField(field);
        }
    }
}
