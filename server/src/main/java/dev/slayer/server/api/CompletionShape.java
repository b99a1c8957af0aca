package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.slayer.server.engine.SequenceEvent.Finished;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** Answers of /v1/completions. */
final class CompletionShape implements ReplyShape {
    private final Generation generation;
    private final GenerationOptions options;
    private final TokenNames names;
    private final TextOffsets[] offsets;

    CompletionShape(Generation generation) {
        this.generation = generation;
        this.options = generation.options();
        this.names = new TokenNames(generation.model().tokenizer().vocabulary(), options.tokensAsIds());
        this.offsets = new TextOffsets[generation.sequences().size()];
    }

    @Override
    public String object() {
        return "text_completion";
    }

    @Override
    public String chunkObject() {
        return "text_completion";
    }

    @Override
    public void writeChoice(JsonGenerator json, Choice choice) throws IOException {
        Choice.Piece piece = choice.piece();
        String shown = generation.echo()
                ? choice.prompt().text() + piece.text()
                : piece.text().toString();
        json.writeStartObject();
        json.writeNumberField("index", choice.index());
        json.writeStringField("text", shown);
        ReplyShape.writeEnd(json, choice.end());
        if (generation.logprobs().isEmpty()) {
            json.writeNullField("logprobs");
        } else {
            ScoredTokens generated = generatedTokens(choice, piece, generation.echo() ? promptTokens(choice) : null);
            json.writeFieldName("logprobs");
            generated.writeColumns(json, names, generation.logprobs().getAsInt());
        }
        ReplyShape.writePromptScores(json, choice, options.promptLogprobs(), names);
        if (options.returnTokenIds()) {
            ReplyShape.writeTokens(json, "prompt_token_ids", choice.prompt().tokens());
            ReplyShape.writeTokens(json, "token_ids", piece.tokens());
        }
        json.writeEndObject();
    }

    @Override
    public void writeBesideChoices(JsonGenerator json, List<Choice> choices) {}

    @Override
    public boolean hasOpening() {
        return generation.echo() || options.returnTokenIds();
    }

    @Override
    public void writeOpening(JsonGenerator json, Choice choice) throws IOException {
        json.writeStartObject();
        json.writeNumberField("index", choice.index());
        json.writeStringField("text", generation.echo() ? choice.prompt().text() : "");
        json.writeNullField("finish_reason");
        if (generation.echo() && generation.logprobs().isPresent()) {
            json.writeFieldName("logprobs");
            promptTokens(choice).writeColumns(json, names, generation.logprobs().getAsInt());
        } else {
            json.writeNullField("logprobs");
        }
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
        json.writeStringField("text", piece.text().toString());
        ReplyShape.writeEnd(json, end);
        if (generation.logprobs().isPresent() && piece.size() > 0) {
            json.writeFieldName("logprobs");
            generatedTokens(choice, piece, null)
                    .writeColumns(json, names, generation.logprobs().getAsInt());
        } else {
            json.writeNullField("logprobs");
        }
        if (options.returnTokenIds()) {
            ReplyShape.writeTokens(json, "token_ids", piece.tokens());
        }
        json.writeEndObject();
    }

    private ScoredTokens promptTokens(Choice choice) {
        return ScoredTokens.of(choice.prompt(), choice.promptScores(), offsets(choice));
    }

    private ScoredTokens generatedTokens(Choice choice, Choice.Piece piece, ScoredTokens before) {
        ScoredTokens generated = ScoredTokens.of(piece, !options.skipSpecialTokens(), offsets(choice));
        return before == null ? generated : ScoredTokens.concat(before, generated);
    }

    private TextOffsets offsets(Choice choice) {
        if (offsets[choice.index()] == null) {
            offsets[choice.index()] =
                    generation.echo() ? TextOffsets.from(choice.prompt(), names) : TextOffsets.behindPrompt(names);
        }
        return offsets[choice.index()];
    }
}
