package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.slayer.server.engine.SequenceEvent.Generated;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;

/** Writes what a comparison finds, as docs/ab.md describes it. Used by one thread at a time. */
final class AbWriter {
    private final List<AbVariant> variants;
    private final TokenNames names;

    AbWriter(List<AbVariant> variants) {
        this.variants = variants;
        this.names = new TokenNames(variants.getFirst().model().tokenizer().vocabulary(), false);
    }

    /** A variant that takes no further part, and why. */
    record Failure(AbVariant variant, ErrorBody error) {}

    void writeToken(OutputStream out, AbAnswer answer, Generated token) throws IOException {
        try (JsonGenerator json = begin(out, "token")) {
            json.writeNumberField("prompt", answer.prompt());
            json.writeStringField("variant", answer.variant().label());
            json.writeStringField("text", token.text());
            json.writeNumberField("token", token.token());
            json.writeNumberField(
                    "logprob", LogProbability.wire(token.score().orElseThrow().logprob()));
            json.writeEndObject();
        }
    }

    void writeAnswer(OutputStream out, AbAnswer answer) throws IOException {
        try (JsonGenerator json = begin(out, "answer")) {
            fields(json, answer);
            json.writeEndObject();
        }
    }

    void writeFailure(OutputStream out, Failure failure) throws IOException {
        try (JsonGenerator json = begin(out, "failure")) {
            fields(json, failure);
            json.writeEndObject();
        }
    }

    void writeSummary(OutputStream out, AbSummary summary) throws IOException {
        try (JsonGenerator json = begin(out, "summary")) {
            fields(json, summary);
            json.writeEndObject();
        }
    }

    /** Everything at once; the last summary is the one of all prompts. */
    void writeWhole(OutputStream out, List<AbAnswer> answers, List<Failure> failures, List<AbSummary> summaries)
            throws IOException {
        try (JsonGenerator json = Json.MAPPER.createGenerator(out)) {
            json.writeStartObject();
            json.writeStringField("object", "ab");
            json.writeArrayFieldStart("answers");
            for (AbAnswer answer : answers) {
                json.writeStartObject();
                fields(json, answer);
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeArrayFieldStart("failures");
            for (Failure failure : failures) {
                json.writeStartObject();
                fields(json, failure);
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeArrayFieldStart("summaries");
            for (AbSummary summary : summaries) {
                json.writeStartObject();
                fields(json, summary);
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeEndObject();
        }
    }

    private static JsonGenerator begin(OutputStream out, String type) throws IOException {
        JsonGenerator json = Json.MAPPER.createGenerator(out);
        json.disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);
        json.writeStartObject();
        json.writeStringField("type", type);
        return json;
    }

    private void fields(JsonGenerator json, AbAnswer answer) throws IOException {
        json.writeNumberField("prompt", answer.prompt());
        json.writeStringField("variant", answer.variant().label());
        json.writeStringField("text", answer.text().toString());
        json.writeArrayFieldStart("tokens");
        int[] tokens = answer.tokens();
        for (int i = 0; i < tokens.length; i++) {
            json.writeStartObject();
            json.writeNumberField("token", tokens[i]);
            json.writeStringField("text", names.text(tokens[i]));
            json.writeObjectFieldStart("logprobs");
            for (AbVariant variant : variants) {
                float[] logprobs = answer.logprobs(variant);
                if (logprobs != null) {
                    json.writeNumberField(variant.label(), LogProbability.wire(logprobs[i]));
                }
            }
            json.writeEndObject();
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeStringField("finish_reason", Choice.wireName(answer.end().reason()));
    }

    private static void fields(JsonGenerator json, Failure failure) throws IOException {
        json.writeStringField("variant", failure.variant().label());
        json.writeNumberField("status", failure.error().status());
        json.writeStringField("code", failure.error().code());
        json.writeStringField("message", failure.error().message());
    }

    private static void fields(JsonGenerator json, AbSummary summary) throws IOException {
        if (summary.prompt().isPresent()) {
            json.writeNumberField("prompt", summary.prompt().getAsInt());
        } else {
            json.writeNullField("prompt");
        }
        json.writeStringField("reference", summary.reference().label());
        json.writeStringField(
                "reference_layout", summary.reference().model().layout().text());
        json.writeArrayFieldStart("variants");
        for (AbSummary.Distance distance : summary.compared()) {
            json.writeStartObject();
            json.writeStringField("variant", distance.variant().label());
            json.writeStringField("layout", distance.variant().model().layout().text());
            AbSummary.Sums sums = distance.sums();
            json.writeNumberField("tokens", sums.tokens());
            if (summary.prompt().isPresent()) {
                json.writeFieldName("kl");
                json.writeArray(distance.kl(), 0, distance.kl().length);
            }
            json.writeNumberField("mean_kl", sums.meanKl());
            json.writeNumberField("top1_agreement", sums.agreement());
            json.writeNumberField("perplexity", sums.perplexity());
            json.writeNumberField("reference_perplexity", sums.referencePerplexity());
            json.writeNumberField("perplexity_difference", sums.perplexity() - sums.referencePerplexity());
            json.writeEndObject();
        }
        json.writeEndArray();
    }
}
