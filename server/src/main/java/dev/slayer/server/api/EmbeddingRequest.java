package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.server.engine.Pooling;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The body of POST /v1/embeddings.
 *
 * @param readings the inputs, in the request's order
 * @param form of the vectors
 * @param idsWithoutBos whether an input of token ids lacks the BOS that the tokenizer would have put
 */
record EmbeddingRequest(List<EmbeddedInput> readings, EmbeddingForm form, boolean idsWithoutBos)
        implements ReadingJob<float[]> {
    /** As many as OpenAI takes. */
    private static final int MOST_INPUTS = 2048;

    static EmbeddingRequest read(Fields fields, ServedModel model) {
        JsonNode input = fields.get("input")
                .orElseThrow(() -> SlayerException.badRequest(
                        "input", "input is missing; give a string, token ids, or a list of either."));
        EmbeddingForm form = EmbeddingForm.read(fields, model.config().hiddenSize());
        InputReader reader = new InputReader(fields, model);
        return new EmbeddingRequest(reader.read(input), form, reader.idsWithoutBos);
    }

    /** Tells the four forms of {@code input} apart. */
    private static final class InputReader {
        private final ServedModel model;
        private final boolean addSpecialTokens;
        private final Truncation truncation;
        private final Pooling pooling;
        private boolean idsWithoutBos;

        InputReader(Fields fields, ServedModel model) {
            this.model = model;
            this.addSpecialTokens = fields.flag("add_special_tokens", true);
            this.truncation = Truncation.read(fields);
            this.pooling = pooling(fields);
        }

        List<EmbeddedInput> read(JsonNode input) {
            boolean single =
                    !input.isArray() || (!input.isEmpty() && input.get(0).isNumber());
            if (single) {
                return List.of(one(new Fields.Element(input, "input")));
            }
            if (input.isEmpty() || input.size() > MOST_INPUTS) {
                throw SlayerException.badRequest(
                        "input",
                        "input has " + input.size() + " elements; allowed: 1 to " + MOST_INPUTS
                                + ". Send several requests for more.");
            }
            List<EmbeddedInput> inputs = new ArrayList<>(input.size());
            Fields.elements(input, "input").forEach(element -> inputs.add(one(element)));
            return inputs;
        }

        private EmbeddedInput one(Fields.Element input) {
            int[] all = tokens(input);
            int[] kept = truncation.apply(all, model.maxModelLen());
            if (kept.length == 0) {
                throw SlayerException.badRequest(input.path(), input.path() + " is empty; give at least one token.");
            }
            if (kept.length > model.maxModelLen()) {
                throw tooLong(input.path(), kept.length + " tokens");
            }
            return new EmbeddedInput(kept, pooling);
        }

        private int[] tokens(Fields.Element input) {
            if (input.value().isTextual()) {
                String text = input.text();
                if (truncation.tokens().isEmpty() && Prompt.cannotFit(model, text)) {
                    throw tooLong(input.path(), text.length() + " characters, which are more");
                }
                return Prompt.encode(model, text, addSpecialTokens, input.path());
            }
            if (!input.value().isArray()) {
                throw Fields.wrong(input.path(), input.value(), "a string or an array of token ids");
            }
            int[] tokens =
                    Fields.tokens(input.value(), input.path(), model.config().vocabularySize());
            OptionalInt bos = model.tokenizer().bosTokenId();
            boolean lacksBos = tokens.length > 0 && bos.isPresent() && tokens[0] != bos.getAsInt();
            idsWithoutBos = idsWithoutBos || (lacksBos && model.addsBos());
            return tokens;
        }

        private SlayerException tooLong(String path, String what) {
            return new SlayerException(
                    400,
                    "context_length_exceeded",
                    path,
                    path + ": this model's maximum context length is " + model.maxModelLen()
                            + " tokens, but the input has " + what + ". Shorten it, or set truncate_prompt_tokens.",
                    null);
        }

        private static Pooling pooling(Fields fields) {
            String pooling = fields.text("pooling").orElse("mean");
            return switch (pooling) {
                case "mean" -> Pooling.MEAN;
                case "last" -> Pooling.LAST;
                default ->
                    throw SlayerException.badRequest(
                            "pooling", "pooling='" + Excerpt.of(pooling) + "' is unknown; allowed: mean, last.");
            };
        }
    }

    @Override
    public String kind() {
        return "embd";
    }

    @Override
    public Optional<String> warning() {
        return idsWithoutBos
                ? Optional.of("an input of token ids does not begin with this model's BOS token")
                : Optional.empty();
    }

    /** While it is computed a vector has all its dimensions. */
    @Override
    public long bytes() {
        return (long) readings.size() * form.hidden() * Float.BYTES;
    }

    @Override
    public void writeData(JsonGenerator json, List<float[]> results) throws IOException {
        for (int i = 0; i < results.size(); i++) {
            json.writeStartObject();
            json.writeStringField("object", "embedding");
            json.writeNumberField("index", i);
            json.writeFieldName("embedding");
            form.write(json, results.get(i));
            json.writeEndObject();
        }
    }
}
