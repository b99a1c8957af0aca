package dev.slayer.server.api;

import dev.slayer.server.engine.FinishReason;
import dev.slayer.server.engine.SequenceEvent.Finished;
import dev.slayer.server.engine.SequenceEvent.Generated;
import dev.slayer.server.engine.TokenScore;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * One answer as it grows. A whole answer keeps everything until it has finished; a stream {@linkplain #take takes} away what it
 * sends. Belongs to one event loop until it is handed to a writer.
 */
final class Choice {
    private final int index;
    private final Prompt prompt;
    private List<TokenScore> promptScores = List.of();
    private Piece piece = new Piece();
    private int generated;
    private Finished end;

    Choice(int index, Prompt prompt) {
        this.index = index;
        this.prompt = prompt;
    }

    int index() {
        return index;
    }

    Prompt prompt() {
        return prompt;
    }

    /** Scores of prompt tokens 1 to prompt-1; empty if they were not asked for. */
    List<TokenScore> promptScores() {
        return promptScores;
    }

    void scored(List<TokenScore> scores) {
        scores.forEach(LogProbability::check);
        promptScores = scores;
    }

    void add(Generated token) {
        token.score().ifPresent(LogProbability::check);
        piece.add(token);
        generated++;
    }

    void finish(Finished finished) {
        piece.text.append(finished.text());
        end = finished;
    }

    /** Tokens generated until now. */
    int generated() {
        return generated;
    }

    Optional<Finished> end() {
        return Optional.ofNullable(end);
    }

    /** What has been generated and not been taken. */
    Piece piece() {
        return piece;
    }

    /** Takes what has been generated since the last time. */
    Piece take() {
        Piece taken = piece;
        piece = new Piece();
        return taken;
    }

    /** {@code stop} or {@code length}, as clients read it. */
    static String wireName(FinishReason reason) {
        return reason.name().toLowerCase(Locale.ROOT);
    }

    /** Generated tokens in a row, with their text and scores. */
    static final class Piece {
        private final StringBuilder text = new StringBuilder();
        private int[] tokens = new int[4];
        private TokenScore[] scores = new TokenScore[0];
        private int size;

        private void add(Generated token) {
            if (size == tokens.length) {
                tokens = Arrays.copyOf(tokens, 2 * size);
            }
            if (token.score().isPresent()) {
                if (scores.length < tokens.length) {
                    scores = Arrays.copyOf(scores, tokens.length);
                }
                scores[size] = token.score().get();
            }
            tokens[size++] = token.token();
            text.append(token.text());
        }

        CharSequence text() {
            return text;
        }

        int size() {
            return size;
        }

        int[] tokens() {
            return Arrays.copyOf(tokens, size);
        }

        /** A score per token, if they were asked for: [size]. */
        TokenScore[] scores() {
            return Arrays.copyOf(scores, size);
        }

        boolean isEmpty() {
            return size == 0 && text.isEmpty();
        }
    }
}
