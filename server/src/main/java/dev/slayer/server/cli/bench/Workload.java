package dev.slayer.server.cli.bench;

import dev.slayer.server.cli.settings.Setting;
import dev.slayer.server.cli.settings.SettingValues;
import dev.slayer.surgery.SlayerException;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/** What a server is asked for. */
public sealed interface Workload {
    /** Requests under way at once. */
    int concurrency();

    /** Most tokens that a prompt and its answer have together. */
    int longestSequence();

    /** The options that decide about it, for messages. */
    String lengthOptions();

    /**
     * Unrelated prompts and answers of known lengths.
     *
     * @param promptTokens lengths of prompts
     * @param outputTokens lengths of answers
     * @param concurrency requests under way at once
     * @param requests of one repetition
     * @param repetitions of which the median is reported
     * @param compare model that gets the same load in alternate repetitions
     */
    record Answers(
            Lengths promptTokens,
            Lengths outputTokens,
            int concurrency,
            int requests,
            int repetitions,
            Optional<String> compare)
            implements Workload {
        public Answers {
            Objects.requireNonNull(promptTokens);
            Objects.requireNonNull(outputTokens);
            BenchSettings.CONCURRENCY.require(concurrency);
            BenchSettings.REQUESTS.require(requests);
            BenchSettings.REPETITIONS.require(repetitions);
            Objects.requireNonNull(compare);
        }

        @Override
        public int longestSequence() {
            return promptTokens.longest() + outputTokens.longest();
        }

        @Override
        public String lengthOptions() {
            return "--prompt-tokens and --output-tokens";
        }
    }

    /**
     * One token of each layout, once, for its time to first token.
     *
     * @param promptTokens lengths of prompts
     * @param compare model of the request before each layout; the server's first one if empty
     */
    record NewLayouts(Lengths promptTokens, Optional<String> compare) implements Workload {
        public NewLayouts {
            Objects.requireNonNull(promptTokens);
            Objects.requireNonNull(compare);
        }

        @Override
        public int concurrency() {
            return 1;
        }

        @Override
        public int longestSequence() {
            return promptTokens.longest() + 1;
        }

        @Override
        public String lengthOptions() {
            return "--prompt-tokens";
        }
    }

    /**
     * Scores of multiple-choice items, as evaluation harnesses ask for them: one request per choice, whose prompt is the subject's
     * shots, the question and the choice.
     *
     * @param items of one repetition
     * @param subjectItems items that share their shots
     * @param shotTokens lengths of all shots of a subject together
     * @param questionTokens lengths of questions
     * @param choiceTokens lengths of choices
     * @param concurrency requests under way at once
     * @param repetitions of which the median is reported
     * @param compareCacheOff whether a second server without a prefix cache gets the same requests, in turns
     */
    record Choices(
            int items,
            int subjectItems,
            Lengths shotTokens,
            Lengths questionTokens,
            Lengths choiceTokens,
            int concurrency,
            int repetitions,
            boolean compareCacheOff)
            implements Workload {
        /** Choices of an item. */
        static final int PER_ITEM = 4;

        public Choices {
            BenchSettings.CHOICES.require(items);
            BenchSettings.SUBJECT_ITEMS.require(subjectItems);
            Objects.requireNonNull(shotTokens);
            Objects.requireNonNull(questionTokens);
            Objects.requireNonNull(choiceTokens);
            BenchSettings.CONCURRENCY.require(concurrency);
            BenchSettings.REPETITIONS.require(repetitions);
        }

        @Override
        public int longestSequence() {
            return shotTokens.longest() + questionTokens.longest() + choiceTokens.longest() + 1;
        }

        @Override
        public String lengthOptions() {
            return "--shot-tokens, --question-tokens and --choice-tokens";
        }
    }

    /** The workload that options name. @throws SlayerException 400 naming an option that does not belong to it */
    static Workload from(SettingValues values) {
        boolean newLayouts = values.one(BenchSettings.NEW_LAYOUTS);
        Optional<Integer> items = values.optional(BenchSettings.CHOICES);
        if (newLayouts) {
            refuse(
                    values,
                    BenchSettings.NOT_OF_NEW_LAYOUTS,
                    "cannot go with --new-layouts, which asks for one token of each layout, one at a time, once.");
            return new NewLayouts(values.one(BenchSettings.PROMPT_TOKENS), values.optional(BenchSettings.COMPARE));
        }
        if (items.isPresent()) {
            refuse(
                    values,
                    BenchSettings.NOT_OF_CHOICES,
                    "cannot go with --choices, which scores the choices of items and has lengths of its own.");
            return choices(values, items.get());
        }
        refuse(values, BenchSettings.OF_CHOICES, "needs --choices, which says how many items to score.");
        return new Answers(
                values.one(BenchSettings.PROMPT_TOKENS),
                values.one(BenchSettings.OUTPUT_TOKENS),
                values.one(BenchSettings.CONCURRENCY),
                values.one(BenchSettings.REQUESTS),
                values.one(BenchSettings.REPETITIONS),
                values.optional(BenchSettings.COMPARE));
    }

    private static Choices choices(SettingValues values, int items) {
        return new Choices(
                items,
                values.one(BenchSettings.SUBJECT_ITEMS),
                values.one(BenchSettings.SHOT_TOKENS),
                values.one(BenchSettings.QUESTION_TOKENS),
                values.one(BenchSettings.CHOICE_TOKENS),
                values.one(BenchSettings.CONCURRENCY),
                values.one(BenchSettings.REPETITIONS),
                values.one(BenchSettings.COMPARE_CACHE_OFF));
    }

    private static void refuse(SettingValues values, List<Setting<?>> settings, String reason) {
        settings.stream().filter(values::isSet).findFirst().ifPresent(setting -> {
            throw SlayerException.badRequest(setting.option(), setting.option() + " " + reason);
        });
    }
}
