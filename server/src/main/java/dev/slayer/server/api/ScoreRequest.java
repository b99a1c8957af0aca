package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The body of POST /v1/score.
 *
 * @param items contexts with their continuations, in the request's order
 * @param idsWithoutBos whether a context of token ids lacks the BOS that the tokenizer would have put
 */
record ScoreRequest(List<List<Continuation>> items, boolean idsWithoutBos) implements ReadingJob<Passage.Score> {
    /**
     * What may follow a context.
     *
     * @param size of the continuation as it was given, without what the context's end adds to it
     */
    record Continuation(Passage passage, TextSize size) {}

    static ScoreRequest read(Fields fields, ServedModel model) {
        boolean batch = fields.has("items");
        if (batch == (fields.has("context") || fields.has("continuations"))) {
            throw SlayerException.badRequest(
                    "items", "Give either context and continuations, or items, a list of objects with both.");
        }
        List<Fields> contexts = batch
                ? fields.array("items").stream().map(Fields.Element::object).toList()
                : List.of(fields);
        if (contexts.isEmpty()) {
            throw SlayerException.badRequest("items", "items is empty; give at least one.");
        }
        requireFew(contexts, batch ? "items" : "continuations");
        PairReader reader = new PairReader(fields, model);
        List<List<Continuation>> items = new ArrayList<>(contexts.size());
        for (Fields context : contexts) {
            items.add(reader.read(context));
        }
        return new ScoreRequest(items, reader.idsWithoutBos());
    }

    private static void requireFew(List<Fields> contexts, String path) {
        long count = contexts.stream()
                .mapToLong(context -> context.array("continuations").size())
                .sum();
        if (count > MOST_PASSAGES) {
            throw SlayerException.badRequest(
                    path,
                    count + " continuations are too many; allowed: " + MOST_PASSAGES
                            + " over all items of a request. Send several requests.");
        }
    }

    @Override
    public String kind() {
        return "score";
    }

    @Override
    public List<Passage> readings() {
        return items.stream().flatMap(List::stream).map(Continuation::passage).toList();
    }

    @Override
    public Optional<String> warning() {
        return idsWithoutBos
                ? Optional.of("a context of token ids does not begin with this model's BOS token")
                : Optional.empty();
    }

    @Override
    public void writeData(JsonGenerator json, List<Passage.Score> scores) throws IOException {
        int next = 0;
        for (int item = 0; item < items.size(); item++) {
            json.writeStartObject();
            json.writeStringField("object", "score");
            json.writeNumberField("index", item);
            json.writeArrayFieldStart("continuations");
            for (int i = 0; i < items.get(item).size(); i++) {
                write(json, i, items.get(item).get(i), scores.get(next++));
            }
            json.writeEndArray();
            json.writeEndObject();
        }
    }

    private static void write(JsonGenerator json, int index, Continuation continuation, Passage.Score score)
            throws IOException {
        TokenSpan scored = continuation.passage.scored();
        json.writeStartObject();
        json.writeNumberField("index", index);
        json.writeNumberField("logprob", score.sum());
        json.writeBooleanField("is_greedy", score.greedy());
        json.writeFieldName("tokens");
        json.writeArray(scored.tokens(), scored.from(), scored.length());
        json.writeArrayFieldStart("token_logprobs");
        for (float logprob : score.logprobs()) {
            json.writeNumber(logprob);
        }
        json.writeEndArray();
        json.writeNumberField("bytes", continuation.size.bytes());
        json.writeNumberField("characters", continuation.size.characters());
        json.writeNumberField("context_tokens", continuation.passage.context().length());
        json.writeEndObject();
    }
}
