package dev.slayer.server.engine;

import dev.slayer.server.guide.GuideState;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * Draws the tokens of one sequence: bans, logit_bias and penalties change the logits, then the most probable token wins
 * (temperature 0), or temperature, min_p, top_k and top_p leave a set to draw from. A guide, if there is one, has the last word about
 * which tokens may be drawn. One thread.
 */
final class Sampler {
    private static final RandomGeneratorFactory<RandomGenerator> RANDOM = RandomGeneratorFactory.of("L64X128MixRandom");

    private final Sampling sampling;
    private final RandomGenerator random;
    private final Map<Integer, Integer> generated = new HashMap<>();
    private final Set<Integer> prompt;
    private final Optional<GuideState> guide;
    private final Set<Integer> ends;
    private OptionalDouble uniform = OptionalDouble.empty();

    /**
     * @param promptTokens counted by the repetition penalty
     */
    Sampler(Sampling sampling, int[] promptTokens) {
        this(sampling, promptTokens, Optional.empty(), Set.of());
    }

    /**
     * @param promptTokens counted by the repetition penalty
     * @param guide restricts tokens and follows those that are drawn
     * @param ends tokens that end a guided text where it is complete
     */
    Sampler(Sampling sampling, int[] promptTokens, Optional<GuideState> guide, Set<Integer> ends) {
        this.sampling = sampling;
        this.guide = guide;
        this.ends = ends;
        this.random =
                sampling.seed().isPresent() ? RANDOM.create(sampling.seed().getAsLong()) : RANDOM.create();
        this.prompt = sampling.repetitionPenalty() == 1
                ? Set.of()
                : Set.copyOf(Arrays.stream(promptTokens).boxed().distinct().toList());
    }

    /**
     * The next token.
     *
     * @param logits [vocabulary]; changed
     * @param banned tokens that may not be drawn now
     */
    int next(float[] logits, int vocabulary, Set<Integer> banned) {
        adjust(logits, vocabulary, banned);
        guide.ifPresent(state -> state.restrict(logits, vocabulary, ends));
        int token = sampling.greedy() ? argmax(logits, vocabulary) : draw(logits, vocabulary);
        generated.merge(token, 1, Integer::sum);
        if (guide.isPresent() && !ends.contains(token)) {
            guide.get().advance(token);
        }
        return token;
    }

    /** Whether a token is drawn from the model's own distribution, or is its most probable, with nothing else to look at. */
    boolean plain() {
        return guide.isEmpty()
                && sampling.logitBias().isEmpty()
                && sampling.repetitionPenalty() == 1
                && sampling.presencePenalty() == 0
                && sampling.frequencyPenalty() == 0
                && (sampling.greedy() || (sampling.topP() >= 1 && sampling.topK() <= 0 && sampling.minP() == 0));
    }

    /** 0 for the most probable token. */
    float temperature() {
        return sampling.greedy() ? 0 : (float) sampling.temperature();
    }

    /** The number that decides the next token; the same until {@link #drawn}, however often the draw is begun. */
    float uniform() {
        if (uniform.isEmpty()) {
            // A float32 just below 1 must not become 1.
            uniform = OptionalDouble.of(sampling.greedy() ? 0 : Math.min(random.nextDouble(), 1 - 0x1p-24));
        }
        return (float) uniform.getAsDouble();
    }

    /** The token of {@link #uniform} has been drawn. */
    void drawn() {
        uniform = OptionalDouble.empty();
    }

    /** Whether the guided text is complete and nothing can follow it. */
    boolean exhausted() {
        return guide.isPresent() && guide.get().exhausted();
    }

    private void adjust(float[] logits, int vocabulary, Set<Integer> banned) {
        for (int token : banned) {
            if (token < vocabulary) {
                logits[token] = Float.NEGATIVE_INFINITY;
            }
        }
        sampling.logitBias().forEach((token, bias) -> logits[token] += bias.floatValue());
        if (sampling.repetitionPenalty() != 1) {
            prompt.forEach(token -> repeat(logits, token));
            generated.keySet().stream()
                    .filter(token -> !prompt.contains(token))
                    .forEach(token -> repeat(logits, token));
        }
        if (sampling.presencePenalty() != 0 || sampling.frequencyPenalty() != 0) {
            generated.forEach((token, count) ->
                    logits[token] -= (float) (sampling.presencePenalty() + count * sampling.frequencyPenalty()));
        }
    }

    private void repeat(float[] logits, int token) {
        float penalty = (float) sampling.repetitionPenalty();
        logits[token] = logits[token] > 0 ? logits[token] / penalty : logits[token] * penalty;
    }

    /** The first of the largest logits. */
    static int argmax(float[] logits, int vocabulary) {
        int best = 0;
        for (int token = 1; token < vocabulary; token++) {
            if (logits[token] > logits[best]) {
                best = token;
            }
        }
        return best;
    }

    private int draw(float[] logits, int vocabulary) {
        float max = logits[argmax(logits, vocabulary)];
        double sum = 0;
        for (int token = 0; token < vocabulary; token++) {
            logits[token] = (float) Math.exp((logits[token] - max) / sampling.temperature()); // relative to the best: 1
            sum += logits[token];
        }
        boolean cut = sampling.topP() < 1 || sampling.topK() > 0 || sampling.minP() > 0;
        return cut ? drawFromBest(logits, vocabulary, sum) : drawFromAll(logits, vocabulary, sum);
    }

    private int drawFromAll(float[] weights, int vocabulary, double sum) {
        double left = random.nextDouble() * sum;
        int last = 0;
        for (int token = 0; token < vocabulary; token++) {
            if (weights[token] > 0) {
                last = token;
                left -= weights[token];
                if (left < 0) {
                    break;
                }
            }
        }
        return last;
    }

    private int drawFromBest(float[] weights, int vocabulary, double sum) {
        long[] order = candidates(weights, vocabulary, sum);
        int keep = sampling.topK() > 0 ? Math.min(sampling.topK(), order.length) : order.length;
        double most = 0; // top_p counts after min_p and top_k: the probabilities of what they leave sum to one
        for (int i = 0; i < keep; i++) {
            most += weight(order, i);
        }
        double total = sampling.topK() > 0 || sampling.minP() > 0 ? most : sum;
        double mass = 0;
        int kept = 0;
        while (kept < keep && (kept == 0 || mass < sampling.topP() * total)) {
            mass += weight(order, kept++);
        }
        double left = random.nextDouble() * mass;
        for (int i = 0; i < kept; i++) {
            left -= weight(order, i);
            if (left < 0) {
                return token(order, i);
            }
        }
        return token(order, kept - 1);
    }

    /**
     * Tokens that min_p and top_p can keep, best first, packed as (weight, inverted id) to sort by.
     *
     * <p>Tokens under (1 - top_p) / vocabulary hold less than 1 - top_p together, so the nucleus is complete without them:
     * only a few need sorting.
     */
    private long[] candidates(float[] weights, int vocabulary, double sum) {
        boolean nucleusOnly = sampling.minP() == 0 && sampling.topK() <= 0;
        double least = nucleusOnly ? (1 - sampling.topP()) / vocabulary * sum : sampling.minP();
        long[] order = new long[vocabulary];
        int count = 0;
        for (int token = 0; token < vocabulary; token++) {
            if (weights[token] > 0 && weights[token] >= least) {
                order[count++] = ((long) Float.floatToRawIntBits(weights[token]) << 32) | (Integer.MAX_VALUE - token);
            }
        }
        Arrays.sort(order, 0, count);
        for (int i = 0; i < count / 2; i++) {
            long swap = order[i];
            order[i] = order[count - 1 - i];
            order[count - 1 - i] = swap;
        }
        return Arrays.copyOf(order, count);
    }

    private static float weight(long[] order, int index) {
        return Float.intBitsToFloat((int) (order[index] >>> 32));
    }

    private static int token(long[] order, int index) {
        return Integer.MAX_VALUE - (int) order[index];
    }
}
