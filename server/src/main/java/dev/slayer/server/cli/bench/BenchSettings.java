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

/**
 * A load and where to put it.
 *
 * @param url server to measure; empty for one inside this process
 * @param stub whether that one gets a model that answers at once
 * @param models names for the model field of the requests, which take them in turn; empty for the server's first model
 * @param compare model that gets the same load in alternate repetitions, or the request before each new layout
 * @param newLayouts whether each name is asked for once, for its time to first token, instead of a load
 * @param promptTokens lengths of prompts
 * @param outputTokens lengths of answers
 * @param concurrency requests under way at once
 * @param requests of one repetition
 * @param warmup requests before the first repetition that do not count
 * @param repetitions of which the median is reported
 * @param seed of lengths and prompts
 * @param timeout longest silence of the server
 * @param json file for the results
 */
public record BenchSettings(
        Optional<String> url,
        boolean stub,
        List<NamePattern> models,
        Optional<String> compare,
        boolean newLayouts,
        Lengths promptTokens,
        Lengths outputTokens,
        int concurrency,
        int requests,
        int warmup,
        int repetitions,
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

    private static final Lengths ONE = new Lengths(List.of(new Lengths.Range(1, 1)));

    /** All settings of the load, in the order of help. */
    public static final List<Setting<?>> ALL = List.of(
            URL,
            STUB,
            REQUEST_MODEL,
            COMPARE,
            NEW_LAYOUTS,
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

    /** @throws SlayerException 400 naming the option, the value and the allowed range */
    public BenchSettings {
        if (url.isPresent() && stub) {
            throw SlayerException.badRequest(
                    STUB.option(), "--stub measures a server inside this process and cannot go with --url.");
        }
        models = List.copyOf(models);
        Objects.requireNonNull(compare);
        if (newLayouts && models.isEmpty()) {
            throw SlayerException.badRequest(
                    NEW_LAYOUTS.option(), "--new-layouts needs --request-model to name them, as NAME@remove={1-11}.");
        }
        Objects.requireNonNull(promptTokens);
        Objects.requireNonNull(outputTokens);
        CONCURRENCY.require(concurrency);
        REQUESTS.require(requests);
        WARMUP.require(warmup);
        REPETITIONS.require(repetitions);
        TIMEOUT.require(timeout);
        Objects.requireNonNull(json);
    }

    /** Settings as written; refuses as the constructor does. */
    public static BenchSettings from(SettingValues values) {
        boolean newLayouts = values.one(NEW_LAYOUTS);
        if (newLayouts) {
            refuseLoad(values);
        }
        return new BenchSettings(
                values.optional(URL),
                values.one(STUB),
                values.all(REQUEST_MODEL),
                values.optional(COMPARE),
                newLayouts,
                values.one(PROMPT_TOKENS),
                newLayouts ? ONE : values.one(OUTPUT_TOKENS),
                newLayouts ? 1 : values.one(CONCURRENCY),
                values.one(REQUESTS),
                values.one(WARMUP),
                values.one(REPETITIONS),
                values.one(SEED),
                values.one(TIMEOUT),
                values.optional(JSON));
    }

    private static void refuseLoad(SettingValues values) {
        List.of(OUTPUT_TOKENS, CONCURRENCY, REQUESTS, REPETITIONS).stream()
                .filter(values::isSet)
                .findFirst()
                .ifPresent(setting -> {
                    throw SlayerException.badRequest(
                            setting.option(),
                            setting.option() + " cannot go with --new-layouts, which asks for one token of each layout,"
                                    + " one at a time, once.");
                });
    }
}
