package dev.slayer.clients;

import java.util.List;

/**
 * A whole comparison of models.
 *
 * @param answers of every variant to every prompt, as they were completed
 * @param failures variants that could not take part to the end
 * @param summaries one for each prompt, then the one of all prompts
 */
public record AbComparison(
        List<AbEvent.Answer> answers, List<AbEvent.Failure> failures, List<AbEvent.Summary> summaries) {
    public AbComparison {
        answers = answers == null ? List.of() : List.copyOf(answers);
        failures = failures == null ? List.of() : List.copyOf(failures);
        summaries = summaries == null ? List.of() : List.copyOf(summaries);
    }
}
