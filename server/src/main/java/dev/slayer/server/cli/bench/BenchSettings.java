package dev.slayer.server.cli.bench;

import dev.slayer.server.cli.settings.Setting;
import dev.slayer.server.cli.settings.SettingType;
import dev.slayer.server.cli.settings.SettingValues;
import dev.slayer.surgery.SlayerException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A load and where to put it.
 *
 * @param url server to measure; empty for one inside this process
 * @param stub whether that one gets a model that answers at once
 * @param models names for the model field of the requests, which take them in turn; empty for the server's first model
 * @param workload what the requests ask for
 * @param warmup requests before the first repetition that do not count
 * @param seed of lengths and prompts
 * @param timeout longest silence of the server
 * @param json file for the results
 */
public record BenchSettings(
        Optional<String> url,
        boolean stub,
        List<NamePattern> models,
        Workload workload,
        int warmup,
        long seed,
        Duration timeout,
        Optional<Path> json) {

    public static final Setting<String> URL = Setting.optional(
            "url",
            "URL",
            SettingType.text(),
            "a server inside this process",
            "Server to measure, such as http://127.0.0.1:8000.");

    public static final Setting<Boolean> STUB = Setting.flag(
            "stub", "Measure HTTP and scheduling alone: the model in this process answers every step at once.");

    public static final Setting<NamePattern> REQUEST_MODEL = Setting.repeatable(
            "request-model",
            "NAME",
            NamePattern.type(),
            "the server's first model",
            "The model field of the requests, also with an edit: slayer-tiny@remove=3. {1-11} stands for each number;"
                    + " of several names, requests take the next in turn.");

    public static final Setting<String> COMPARE = Setting.optional(
            "compare",
            "NAME",
            SettingType.text(),
            "none",
            "Model that gets the same load in alternate repetitions, to compare with.");

    public static final Setting<Boolean> NEW_LAYOUTS = Setting.flag(
            "new-layouts",
            "Instead of a load: asks for one token of each --request-model once, right after one of --compare (without it,"
                    + " of the first model), and reports what a layout costs that the server has never seen.");

    public static final Setting<Integer> CHOICES = Setting.optional(
            "choices",
            "ITEMS",
            SettingType.integer(1, 1_000_000),
            "off",
            "Instead of a load: scores the choices of so many four-choice items with echo and logprobs, as evaluation harnesses"
                    + " do, and beside it, in turns, as many new tokens in unrelated prompts.");

    public static final Setting<Integer> SUBJECT_ITEMS = Setting.of(
            "subject-items",
            "N",
            SettingType.integer(1, 1_000_000),
            "50",
            "Items of --choices that share their shots.");

    public static final Setting<Lengths> SHOT_TOKENS = Setting.of(
            "shot-tokens",
            "LENGTHS",
            Lengths.type(),
            "300",
            "Lengths in tokens of what all items of a subject begin with, in the same form as --prompt-tokens.");

    public static final Setting<Lengths> QUESTION_TOKENS = Setting.of(
            "question-tokens",
            "LENGTHS",
            Lengths.type(),
            "40",
            "Lengths of what the choices of an item share after it.");

    public static final Setting<Lengths> CHOICE_TOKENS =
            Setting.of("choice-tokens", "LENGTHS", Lengths.type(), "3", "Lengths of the choices themselves.");

    public static final Setting<Boolean> COMPARE_CACHE_OFF = Setting.flag(
            "compare-cache-off",
            "With --choices: starts a second server without a prefix cache and puts the same requests on it, in turns.");

    public static final Setting<Lengths> PROMPT_TOKENS = Setting.of(
            "prompt-tokens",
            "LENGTHS",
            Lengths.type(),
            "128",
            "Prompt lengths in tokens: a length, a list (64,512) or a range (32-256).");

    public static final Setting<Lengths> OUTPUT_TOKENS =
            Setting.of("output-tokens", "LENGTHS", Lengths.type(), "64", "Answer lengths in tokens, in the same form.");

    public static final Setting<Integer> CONCURRENCY =
            Setting.of("concurrency", "N", SettingType.integer(1, 4096), "8", "Requests under way at once.");

    public static final Setting<Integer> REQUESTS =
            Setting.of("requests", "N", SettingType.integer(1, 1_000_000), "64", "Requests of one repetition.");

    public static final Setting<Integer> WARMUP = Setting.of(
            "warmup", "N", SettingType.integer(0, 1_000_000), "16", "Requests beforehand that do not count.");

    public static final Setting<Integer> REPETITIONS = Setting.of(
            "repetitions",
            "N",
            SettingType.integer(1, 1000),
            "3",
            "Repetitions; the median of each number is reported.");

    public static final Setting<Long> SEED =
            Setting.of("seed", "N", SettingType.wholeNumber(), "1", "Seed of lengths and prompts.");

    public static final Setting<Duration> TIMEOUT = Setting.of(
            "timeout",
            "TIME",
            SettingType.duration(Duration.ofDays(1)),
            "2m",
            "Longest silence of the server before a request counts as failed.");

    public static final Setting<Path> JSON = Setting.optional(
            "json", "FILE", SettingType.path(), "none", "File for all numbers, of every repetition, as JSON.");

    public static final Setting<String> API_KEY =
            Setting.optional("api-key", "KEY", SettingType.text(), "none", "Key to send to the server of --url.");

    /** All settings of the load, in the order of help. */
    public static final List<Setting<?>> ALL = List.of(
            URL,
            STUB,
            REQUEST_MODEL,
            COMPARE,
            NEW_LAYOUTS,
            CHOICES,
            SUBJECT_ITEMS,
            SHOT_TOKENS,
            QUESTION_TOKENS,
            CHOICE_TOKENS,
            COMPARE_CACHE_OFF,
            PROMPT_TOKENS,
            OUTPUT_TOKENS,
            CONCURRENCY,
            REQUESTS,
            WARMUP,
            REPETITIONS,
            SEED,
            TIMEOUT,
            JSON,
            API_KEY);

    /** Settings of {@code --choices} alone. */
    static final List<Setting<?>> OF_CHOICES =
            List.of(SUBJECT_ITEMS, SHOT_TOKENS, QUESTION_TOKENS, CHOICE_TOKENS, COMPARE_CACHE_OFF);

    /** Settings that {@code --choices} has no use for. */
    static final List<Setting<?>> NOT_OF_CHOICES = List.of(COMPARE, PROMPT_TOKENS, OUTPUT_TOKENS, REQUESTS);

    /** Settings that {@code --new-layouts} has no use for. */
    static final List<Setting<?>> NOT_OF_NEW_LAYOUTS = Stream.concat(
                    Stream.of(CHOICES, OUTPUT_TOKENS, CONCURRENCY, REQUESTS, REPETITIONS), OF_CHOICES.stream())
            .toList();

    /** @throws SlayerException 400 naming the option, the value and the allowed range */
    public BenchSettings {
        if (url.isPresent() && stub) {
            throw SlayerException.badRequest(
                    STUB.option(), "--stub measures a server inside this process and cannot go with --url.");
        }
        models = List.copyOf(models);
        switch (workload) {
            case Workload.Answers _ -> {}
            case Workload.NewLayouts _ -> requireNames(models);
            case Workload.Choices choices -> requireOneServerAndModel(choices, url, models);
        }
        WARMUP.require(warmup);
        TIMEOUT.require(timeout);
        Objects.requireNonNull(json);
    }

    /** Settings as written; refuses as the constructor does. */
    public static BenchSettings from(SettingValues values) {
        return new BenchSettings(
                values.optional(URL),
                values.one(STUB),
                values.all(REQUEST_MODEL),
                Workload.from(values),
                values.one(WARMUP),
                values.one(SEED),
                values.one(TIMEOUT),
                values.optional(JSON));
    }

    private static void requireNames(List<NamePattern> models) {
        if (models.isEmpty()) {
            throw SlayerException.badRequest(
                    NEW_LAYOUTS.option(), "--new-layouts needs --request-model to name them, as NAME@remove={1-11}.");
        }
    }

    private static void requireOneServerAndModel(
            Workload.Choices choices, Optional<String> url, List<NamePattern> models) {
        if (choices.compareCacheOff() && url.isPresent()) {
            throw SlayerException.badRequest(
                    COMPARE_CACHE_OFF.option(),
                    "--compare-cache-off starts servers inside this process and cannot go with --url.");
        }
        if (models.stream().mapToInt(pattern -> pattern.names().size()).sum() > 1) {
            throw SlayerException.badRequest(
                    REQUEST_MODEL.option(),
                    "--request-model names more than one model; --choices scores under one, so that what requests share is"
                            + " known.");
        }
    }
}
