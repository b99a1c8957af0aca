package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.slayer.server.engine.SequenceEvent.Finished;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * How an endpoint words its answer. One instance per reply: a stream remembers how far its text has come. Used by one thread at a
 * time.
 */
sealed interface ReplyShape permits CompletionShape, ChatShape {
    static ReplyShape of(Generation generation) {
        return generation.chat() ? new ChatShape(generation) : new CompletionShape(generation);
    }

    /** The {@code object} field of a whole answer. */
    String object();

    /** The {@code object} field of a chunk. */
    String chunkObject();

    /** A choice of a whole answer. */
    void writeChoice(JsonGenerator json, Choice choice) throws IOException;

    /** Fields beside {@code choices} in a whole answer. */
    void writeBesideChoices(JsonGenerator json, List<Choice> choices) throws IOException;

    /** Whether each choice of a stream begins with an opening. */
    boolean hasOpening();

    /** The first chunk's choice: the role of a chat, the echo of a completion. */
    void writeOpening(JsonGenerator json, Choice choice) throws IOException;

    /** A later chunk's choice. */
    void writePiece(JsonGenerator json, Choice choice, Choice.Piece piece, Optional<Finished> end) throws IOException;

    /** {@code finish_reason} and {@code stop_reason}; null both until the end. */
    static void writeEnd(JsonGenerator json, Optional<Finished> end) throws IOException {
        json.writeStringField(
                "finish_reason", end.map(e -> Choice.wireName(e.reason())).orElse(null));
        switch (end.flatMap(Finished::stopReason).orElse(null)) {
            case null -> json.writeNullField("stop_reason");
            case Integer token -> json.writeNumberField("stop_reason", token);
            case Object text -> json.writeStringField("stop_reason", text.toString());
        }
    }

    /** {@code prompt_logprobs}, where they were asked for. */
    static void writePromptScores(JsonGenerator json, Choice choice, OptionalInt top, TokenNames names)
            throws IOException {
        if (top.isPresent()) {
            json.writeFieldName("prompt_logprobs");
            ScoredTokens.of(choice.prompt(), choice.promptScores(), TextOffsets.behindPrompt(names))
                    .writeRanks(json, names, top.getAsInt());
        }
    }

    static void writeTokens(JsonGenerator json, String field, int[] tokens) throws IOException {
        json.writeFieldName(field);
        json.writeArray(tokens, 0, tokens.length);
    }
}
