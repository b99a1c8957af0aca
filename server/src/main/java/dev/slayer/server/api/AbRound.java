package dev.slayer.server.api;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** One prompt while variants are compared on it. Lives on one event loop. */
final class AbRound {
    private final int prompt;
    private final AbRequest.Task task;
    private final List<AbAnswer> answers;
    private final AbScoring[] comparisons;
    private AbScoring.Rows rows;

    /** @param prompt its index */
    AbRound(int prompt, AbRequest.Task task, List<AbVariant> variants) {
        this.prompt = prompt;
        this.task = task;
        this.answers = variants.stream()
                .map(variant -> new AbAnswer(prompt, variant, variants.size()))
                .toList();
        this.comparisons = new AbScoring[variants.size()];
    }

    int prompt() {
        return prompt;
    }

    AbRequest.Task task() {
        return task;
    }

    AbAnswer answer(AbVariant variant) {
        return answers.get(variant.index());
    }

    /** Whether an answer can be scored under a variant now, and has not been: says so once. */
    boolean ask(AbAnswer answer, AbVariant under) {
        AbVariant author = answer.variant();
        boolean tooEarly = author.isReference() && !under.isReference() && answer.logprobs(author) == null;
        return answer.ended() && !tooEarly && answer.ask(under);
    }

    /** What takes the distributions of an answer under a variant. */
    AbScoring scoring(AbAnswer answer, AbVariant under) {
        int[] tokens = answer.tokens();
        int from = task.prompt().tokens().length - 1;
        if (!answer.variant().isReference()) {
            return AbScoring.of(tokens, from);
        }
        if (under.isReference()) {
            rows = new AbScoring.Rows(tokens.length);
            return AbScoring.keeping(tokens, from, rows);
        }
        return AbScoring.comparing(tokens, from, rows);
    }

    /** An answer has been scored. */
    void scored(AbAnswer answer, AbVariant under, AbScoring scoring) {
        answer.scored(under, scoring.logprobs());
        if (scoring.compares()) {
            comparisons[under.index()] = scoring;
        }
    }

    /** Lets go of the distributions: the next prompt may have to wait. */
    void forget() {
        rows = null;
        Arrays.fill(comparisons, null);
    }

    /** Distances from the reference; all answers are complete. None if the reference has failed. */
    List<AbSummary.Distance> distances(AbVariant reference, List<AbVariant> live) {
        List<AbSummary.Distance> distances = new ArrayList<>();
        if (live.contains(reference)) {
            float[] own = answer(reference).logprobs(reference);
            for (AbVariant variant : live) {
                if (!variant.isReference()) {
                    AbScoring comparison = comparisons[variant.index()];
                    distances.add(new AbSummary.Distance(variant, comparison.kl(), AbSummary.Sums.of(comparison, own)));
                }
            }
        }
        return distances;
    }
}
