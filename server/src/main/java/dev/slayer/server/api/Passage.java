package dev.slayer.server.api;

import dev.slayer.server.engine.Sampling;
import dev.slayer.server.engine.Scores;
import dev.slayer.server.engine.SequenceEvent;
import dev.slayer.server.engine.SequenceRequest;
import dev.slayer.server.engine.StopRules;
import dev.slayer.server.engine.TokenScore;
import dev.slayer.surgery.SlayerException;
import java.util.List;
import java.util.Optional;

/**
 * Tokens whose log-probabilities are asked for, after others that they are conditioned on: one sequence.
 *
 * @param context at least one token: the first token of a sequence has no prediction
 * @param scored at least one token
 */
record Passage(TokenSpan context, TokenSpan scored) implements Reading<Passage.Score> {
    Passage {
        if (context.length() < 1 || scored.length() < 1) {
            throw new IllegalArgumentException(
                    "a passage of " + context.length() + " and " + scored.length() + " tokens scores nothing");
        }
    }

    @Override
    public int length() {
        return context.length() + scored.length();
    }

    /** Context and scored tokens together: [length]. */
    int[] tokens() {
        int[] tokens = new int[length()];
        context.copyTo(tokens, 0);
        scored.copyTo(tokens, context.length());
        return tokens;
    }

    /**
     * What an engine found out.
     *
     * @param logprobs as JSON can carry them: [scored]
     * @param greedy whether every token is the most probable one at its place, a tie included
     */
    record Score(float[] logprobs, boolean greedy) {
        /** Log-probability of all tokens. */
        double sum() {
            double sum = 0;
            for (float logprob : logprobs) {
                sum += logprob;
            }
            return sum;
        }
    }

    @Override
    public SequenceRequest request(ServedModel model) {
        return new SequenceRequest(
                model.checkpoint(),
                model.layout(),
                tokens(),
                Sampling.GREEDY,
                StopRules.after(0),
                new Scores(1, false, true),
                true);
    }

    @Override
    public Optional<Score> result(SequenceEvent event) {
        return event instanceof SequenceEvent.PromptScored scored
                ? Optional.of(score(scored.scores()))
                : Optional.empty();
    }

    /**
     * Takes its part of a sequence's scores.
     *
     * @param all of every token but the first, with at least one top token each: [length - 1]
     * @throws SlayerException 500 if a log-probability is none
     */
    private Score score(List<TokenScore> all) {
        if (all.size() != length() - 1) {
            throw SlayerException.internal(
                    "The engine gave " + all.size() + " scores for " + length() + " tokens.", null);
        }
        float[] logprobs = new float[scored.length()];
        boolean greedy = true;
        for (int i = 0; i < logprobs.length; i++) {
            TokenScore score = all.get(context.length() - 1 + i);
            LogProbability.check(score);
            logprobs[i] = LogProbability.wire(score.logprob());
            greedy &= score.logprob() >= score.topLogprobs()[0];
        }
        return new Score(logprobs, greedy);
    }
}
