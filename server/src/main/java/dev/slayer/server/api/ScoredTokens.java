package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.slayer.server.engine.TokenScore;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Tokens with their scores, and how each of the three schemas writes them.
 *
 * @param tokens ids: [size]
 * @param scores null for a token without a prediction, which is a prompt's first: [size]
 * @param offsets where each begins in the text: [size]
 */
record ScoredTokens(int[] tokens, TokenScore[] scores, int[] offsets) {

    /** A prompt's tokens. */
    static ScoredTokens of(Prompt prompt, List<TokenScore> promptScores, TextOffsets position) {
        int[] tokens = prompt.tokens();
        TokenScore[] scores = new TokenScore[tokens.length];
        int[] offsets = new int[tokens.length];
        for (int i = 0; i < tokens.length; i++) {
            scores[i] = i == 0 ? null : promptScores.get(i - 1);
            offsets[i] = position.next(tokens[i], prompt.showsSpecial() && !(i == 0 && prompt.addedBos()));
        }
        return new ScoredTokens(tokens, scores, offsets);
    }

    /** Generated tokens. */
    static ScoredTokens of(Choice.Piece piece, boolean showsSpecial, TextOffsets position) {
        int[] tokens = piece.tokens();
        int[] offsets = new int[tokens.length];
        for (int i = 0; i < tokens.length; i++) {
            offsets[i] = position.next(tokens[i], showsSpecial);
        }
        return new ScoredTokens(tokens, piece.scores(), offsets);
    }

    static ScoredTokens concat(ScoredTokens a, ScoredTokens b) {
        int size = a.tokens.length + b.tokens.length;
        int[] tokens = Arrays.copyOf(a.tokens, size);
        TokenScore[] scores = Arrays.copyOf(a.scores, size);
        int[] offsets = Arrays.copyOf(a.offsets, size);
        System.arraycopy(b.tokens, 0, tokens, a.tokens.length, b.tokens.length);
        System.arraycopy(b.scores, 0, scores, a.tokens.length, b.tokens.length);
        System.arraycopy(b.offsets, 0, offsets, a.tokens.length, b.tokens.length);
        return new ScoredTokens(tokens, scores, offsets);
    }

    /** The {@code logprobs} of completions: four arrays, one entry per token. */
    void writeColumns(JsonGenerator json, TokenNames names, int top) throws IOException {
        json.writeStartObject();
        json.writeArrayFieldStart("tokens");
        for (int token : tokens) {
            json.writeString(names.of(token));
        }
        json.writeEndArray();
        json.writeArrayFieldStart("token_logprobs");
        for (TokenScore score : scores) {
            if (score == null) {
                json.writeNull();
            } else {
                json.writeNumber(LogProbability.wire(score.logprob()));
            }
        }
        json.writeEndArray();
        json.writeArrayFieldStart("top_logprobs");
        for (TokenScore score : scores) {
            writeTopMap(json, score, names, top);
        }
        json.writeEndArray();
        json.writeFieldName("text_offset");
        json.writeArray(offsets, 0, offsets.length);
        json.writeEndObject();
    }

    /** The {@code logprobs.content} of chat completions: one object per token. */
    void writeRows(JsonGenerator json, TokenNames names, int top) throws IOException {
        json.writeStartObject();
        json.writeArrayFieldStart("content");
        for (TokenScore score : scores) {
            json.writeStartObject();
            writeRow(json, names, score.token(), score.logprob());
            json.writeArrayFieldStart("top_logprobs");
            for (int i = 0; i < Math.min(top, score.topTokens().length); i++) {
                json.writeStartObject();
                writeRow(json, names, score.topTokens()[i], score.topLogprobs()[i]);
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeNullField("refusal");
        json.writeEndObject();
    }

    /** {@code prompt_logprobs}: per token a map from id to score and rank, null for the first. */
    void writeRanks(JsonGenerator json, TokenNames names, int top) throws IOException {
        json.writeStartArray();
        for (TokenScore score : scores) {
            if (score == null) {
                json.writeNull();
                continue;
            }
            json.writeStartObject();
            boolean named = false;
            for (int i = 0; i < Math.min(top, score.topTokens().length); i++) {
                writeRank(json, names, score.topTokens()[i], score.topLogprobs()[i], i + 1);
                named |= score.topTokens()[i] == score.token();
            }
            if (!named) {
                writeRank(json, names, score.token(), score.logprob(), score.rank());
            }
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    /** Top tokens plus the actual one. Where two tokens have one text, the larger value is the one that clients must see. */
    private static void writeTopMap(JsonGenerator json, TokenScore score, TokenNames names, int top)
            throws IOException {
        if (score == null) {
            json.writeNull();
            return;
        }
        Map<String, Float> map = LinkedHashMap.newLinkedHashMap(top + 1);
        for (int i = 0; i < Math.min(top, score.topTokens().length); i++) {
            map.merge(names.of(score.topTokens()[i]), LogProbability.wire(score.topLogprobs()[i]), Math::max);
        }
        map.merge(names.of(score.token()), LogProbability.wire(score.logprob()), Math::max);
        json.writeStartObject();
        for (Map.Entry<String, Float> entry : map.entrySet()) {
            json.writeNumberField(entry.getKey(), entry.getValue().floatValue());
        }
        json.writeEndObject();
    }

    private static void writeRow(JsonGenerator json, TokenNames names, int token, float logprob) throws IOException {
        String name = names.of(token);
        byte[] bytes = names.asIds() ? name.getBytes(StandardCharsets.UTF_8) : names.bytes(token);
        json.writeStringField("token", name);
        json.writeNumberField("logprob", LogProbability.wire(logprob));
        json.writeArrayFieldStart("bytes");
        for (byte b : bytes) {
            json.writeNumber(b & 0xff);
        }
        json.writeEndArray();
    }

    private static void writeRank(JsonGenerator json, TokenNames names, int token, float logprob, int rank)
            throws IOException {
        json.writeObjectFieldStart(Integer.toString(token));
        json.writeNumberField("logprob", LogProbability.wire(logprob));
        json.writeNumberField("rank", rank);
        json.writeStringField("decoded_token", names.text(token));
        json.writeEndObject();
    }
}
