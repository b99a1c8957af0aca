package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.slayer.server.engine.SequenceEvent.Finished;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** Answers of /v1/chat/completions. */
final class ChatShape implements ReplyShape {
    private final Generation generation;
    private final GenerationOptions options;
    private final TokenNames names;

    ChatShape(Generation generation) {
        this.generation = generation;
        this.options = generation.options();
        this.names = new TokenNames(generation.model().tokenizer().vocabulary(), options.tokensAsIds());
    }

    @Override
    public String object() {
        return "chat.completion";
    }

    @Override
    public String chunkObject() {
        return "chat.completion.chunk";
    }

    @Override
    public void writeChoice(JsonGenerator json, Choice choice) throws IOException {
        Choice.Piece piece = choice.piece();
        json.writeStartObject();
        json.writeNumberField("index", choice.index());
        json.writeObjectFieldStart("message");
        json.writeStringField("role", "assistant");
        json.writeStringField("content", piece.text().toString());
        json.writeNullField("refusal");
        json.writeEndObject();
        writeTail(json, piece, choice.end());
        json.writeEndObject();
    }

    @Override
    public void writeBesideChoices(JsonGenerator json, List<Choice> choices) throws IOException {
        Choice first = choices.getFirst();
        ReplyShape.writePromptScores(json, first, options.promptLogprobs(), names);
        if (options.returnTokenIds()) {
            ReplyShape.writeTokens(json, "prompt_token_ids", first.prompt().tokens());
        }
    }

    @Override
    public boolean hasOpening() {
        return true;
    }

    @Override
    public void writeOpening(JsonGenerator json, Choice choice) throws IOException {
        json.writeStartObject();
        json.writeNumberField("index", choice.index());
        json.writeObjectFieldStart("delta");
        json.writeStringField("role", "assistant");
        json.writeStringField("content", "");
        json.writeEndObject();
        json.writeNullField("logprobs");
        json.writeNullField("finish_reason");
        if (options.returnTokenIds()) {
            ReplyShape.writeTokens(json, "prompt_token_ids", choice.prompt().tokens());
        }
        json.writeEndObject();
    }

    @Override
    public void writePiece(JsonGenerator json, Choice choice, Choice.Piece piece, Optional<Finished> end)
            throws IOException {
        json.writeStartObject();
        json.writeNumberField("index", choice.index());
        json.writeObjectFieldStart("delta");
        if (!piece.text().isEmpty()) {
            json.writeStringField("content", piece.text().toString());
        }
        json.writeEndObject();
        writeTail(json, piece, end);
        json.writeEndObject();
    }

    private void writeTail(JsonGenerator json, Choice.Piece piece, Optional<Finished> end) throws IOException {
        if (generation.logprobs().isPresent() && (piece.size() > 0 || end.isEmpty())) {
            json.writeFieldName("logprobs");
            ScoredTokens.of(piece, false, TextOffsets.behindPrompt(names))
                    .writeRows(json, names, generation.logprobs().getAsInt());
        } else {
            json.writeNullField("logprobs");
        }
        ReplyShape.writeEnd(json, end);
        if (options.returnTokenIds()) {
            ReplyShape.writeTokens(json, "token_ids", piece.tokens());
        }
    }
}
