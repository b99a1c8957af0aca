package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.slayer.server.engine.SequenceEvent.Finished;
import io.vertx.core.buffer.Buffer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/** Writes the answer to a request, whole or chunk by chunk. Used by one thread at a time. */
final class ReplyWriter {
    private static final byte[] DATA = "data: ".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] END = "\n\n".getBytes(StandardCharsets.US_ASCII);
    static final Buffer DONE = Buffer.buffer("data: [DONE]\n\n");

    private final Generation generation;
    private final ReplyShape shape;
    private final ReplyHead head;
    private final byte[] chunkHead;
    private final byte[] chunkTail;

    ReplyWriter(Generation generation) {
        this.generation = generation;
        this.shape = ReplyShape.of(generation);
        this.head = new ReplyHead(
                generation.id(),
                generation.created(),
                generation.shown(),
                generation.model().fingerprint());
        this.chunkHead = chunkHead();
        this.chunkTail =
                (generation.options().includeUsage() ? "],\"usage\":null}" : "]}").getBytes(StandardCharsets.US_ASCII);
    }

    /** The whole answer. */
    void writeWhole(OutputStream out, List<Choice> choices) throws IOException {
        try (JsonGenerator json = Json.MAPPER.createGenerator(out)) {
            json.writeStartObject();
            head.write(json, shape.object());
            json.writeArrayFieldStart("choices");
            for (Choice choice : choices) {
                shape.writeChoice(json, choice);
            }
            json.writeEndArray();
            shape.writeBesideChoices(json, choices);
            writeUsage(json, choices);
            json.writeEndObject();
        }
    }

    /** The first chunk of a choice, if its shape has one. */
    void appendOpening(Buffer out, Choice choice) {
        if (shape.hasOpening()) {
            appendChunk(out, json -> shape.writeOpening(json, choice));
        }
    }

    /** A chunk with what a choice has generated since the last one; none if there is nothing to tell. */
    void appendPiece(Buffer out, Choice choice, Optional<Finished> end) {
        Choice.Piece piece = choice.take();
        boolean tellsTokens =
                generation.logprobs().isPresent() || generation.options().returnTokenIds();
        boolean tells = !piece.text().isEmpty() || end.isPresent() || (piece.size() > 0 && tellsTokens);
        if (tells) {
            appendChunk(out, json -> shape.writePiece(json, choice, piece, end));
        }
    }

    /** The last chunk before the end: no choices, only usage. */
    void appendUsage(Buffer out, List<Choice> choices) {
        event(out, bytes -> {
            try (JsonGenerator json = Json.MAPPER.createGenerator((OutputStream) bytes)) {
                json.writeStartObject();
                head.write(json, shape.chunkObject());
                json.writeArrayFieldStart("choices");
                json.writeEndArray();
                writeUsage(json, choices);
                json.writeEndObject();
            }
        });
    }

    /** An event that tells that the stream breaks off. */
    static void appendError(Buffer out, ErrorBody error) {
        event(out, bytes -> bytes.write(error.json()));
    }

    private void appendChunk(Buffer out, Part choice) {
        event(out, bytes -> {
            bytes.write(chunkHead);
            try (JsonGenerator json = Json.MAPPER.createGenerator((OutputStream) bytes)) {
                choice.write(json);
            }
            bytes.write(chunkTail);
        });
    }

    /** Appends one event. */
    static void event(Buffer out, Event event) {
        try {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream(512);
            bytes.write(DATA);
            event.write(bytes);
            bytes.write(END);
            out.appendBytes(bytes.toByteArray());
        } catch (IOException e) {
            throw new UncheckedIOException("writing to memory cannot fail", e);
        }
    }

    private byte[] chunkHead() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);
        try (JsonGenerator json = Json.MAPPER.createGenerator((OutputStream) bytes)) {
            json.disable(JsonGenerator.Feature.AUTO_CLOSE_JSON_CONTENT);
            json.writeStartObject();
            head.write(json, shape.chunkObject());
            json.writeArrayFieldStart("choices");
        } catch (IOException e) {
            throw new UncheckedIOException("writing to memory cannot fail", e);
        }
        return bytes.toByteArray();
    }

    /** Each prompt counts once, however many answers it has. */
    private void writeUsage(JsonGenerator json, List<Choice> choices) throws IOException {
        long prompt =
                generation.prompts().stream().mapToLong(p -> p.tokens().length).sum();
        long completion = choices.stream().mapToLong(Choice::generated).sum();
        long cached = choices.stream()
                .filter(choice -> choice.index() % generation.options().n() == 0)
                .mapToLong(choice -> choice.end().map(Finished::cachedTokens).orElse(0))
                .sum();
        new Usage(prompt, completion, cached).write(json);
    }

    private interface Part {
        void write(JsonGenerator json) throws IOException;
    }

    /** Writes the data of an event, which is one line. */
    interface Event {
        void write(ByteArrayOutputStream bytes) throws IOException;
    }
}
