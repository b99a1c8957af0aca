package dev.slayer.server.cli.eval;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.slayer.server.cli.ab.AbSettings;
import dev.slayer.server.cli.settings.Setting;
import dev.slayer.server.cli.settings.SettingType;
import dev.slayer.server.cli.settings.SettingValues;
import dev.slayer.surgery.SlayerException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * What to evaluate and how.
 *
 * @param url server to ask; empty for one inside this process
 * @param work what to do
 * @param variants models, at least one; the first is what the others are compared with
 * @param out folder for results; empty keeps only what is printed
 * @param concurrency requests at once
 */
public record EvalSettings(
        Optional<String> url, EvalWork work, List<String> variants, Optional<Path> out, int concurrency) {

    public static final Setting<String> TASKS = Setting.repeatable(
            "tasks",
            "NAMES",
            SettingType.text(),
            "none",
            "Tasks of lm-evaluation-harness, separated by commas: slayer is all of clients/lm-eval/tasks.");

    public static final Setting<Path> BIGCODE = Setting.optional(
            "bigcode",
            "FILE",
            SettingType.path(),
            "none",
            "Instead of tasks: write generations.json for the BigCode harness; FILE has a JSON object with prompt per line.");

    public static final Setting<String> VARIANT = Setting.repeatable(
            "variant",
            "NAME",
            SettingType.text(),
            "base",
            "A model, also with an edit: base, base@remove=5. Others are compared with the first.");

    public static final Setting<String> URL = Setting.optional(
            "url",
            "URL",
            SettingType.text(),
            "a server inside this process",
            "Server to ask, such as http://127.0.0.1:8000.");

    public static final Setting<Integer> LIMIT = Setting.optional(
            "limit", "N", SettingType.integer(1, 100_000_000), "all", "Only the first N items of each task.");

    public static final Setting<Integer> NUM_FEWSHOT = Setting.optional(
            "num-fewshot", "N", SettingType.integer(0, 1000), "what each task says", "Solved examples in each prompt.");

    public static final Setting<Integer> NUM_CONCURRENT =
            Setting.of("num-concurrent", "N", SettingType.integer(1, 4096), "8", "Requests at once.");

    public static final Setting<Integer> BATCH_SIZE =
            Setting.of("batch-size", "N", SettingType.integer(1, 1024), "1", "Prompts in each request.");

    public static final Setting<TokenizerBackend> TOKENIZER_BACKEND = Setting.of(
            "tokenizer-backend",
            "NAME",
            SettingType.choice(TokenizerBackend.class),
            "huggingface",
            "Who makes tokens: huggingface (with BOS) or remote, the server (without BOS).");

    public static final Setting<String> TOKENIZER = Setting.optional(
            "tokenizer",
            "DIR",
            SettingType.text(),
            "the checkpoint of a server inside this process",
            "Checkpoint folder, or name on the Hugging Face hub, whose tokenizer the harness takes.");

    public static final Setting<String> GEN_KWARGS = Setting.optional(
            "gen-kwargs",
            "JSON",
            jsonObject(),
            "what each task says",
            "Fields for every generation, such as '{\"seed\": null}', which makes repeats differ.");

    public static final Setting<Boolean> CONFIRM_CODE = Setting.flag(
            "confirm-run-unsafe-code", "Allows tasks to run programs that the model wrote on this machine.");

    public static final Setting<Path> OUT = Setting.optional(
            "out",
            "DIR",
            SettingType.path(),
            "none, for --bigcode the current folder",
            "Folder for results with every sample, or for generations.json.");

    public static final Setting<Path> ENVIRONMENT = Setting.optional(
            "environment",
            "DIR",
            SettingType.path(),
            "~/.slayer/lm-eval",
            "Python environment of the harness; made on first use, which needs the Python package index.");

    public static final Setting<Integer> SAMPLES =
            Setting.of("n-samples", "N", SettingType.integer(1, 128), "1", "With --bigcode: programs per problem.");

    public static final Setting<Double> TEMPERATURE = Setting.of(
            "temperature", "T", AbSettings.TEMPERATURE.type(), "0.2", "With --bigcode: 0, the most probable, to 2.");

    public static final Setting<Integer> MAX_LENGTH = Setting.of(
            "max-length",
            "N",
            SettingType.integer(2, 1_000_000),
            "512",
            "With --bigcode: most tokens of prompt and program together.");

    public static final Setting<String> API_KEY =
            Setting.optional("api-key", "KEY", SettingType.text(), "none", "Key to send to the server of --url.");

    /** All settings, in the order of help. */
    public static final List<Setting<?>> ALL = List.of(
            TASKS,
            BIGCODE,
            VARIANT,
            URL,
            LIMIT,
            NUM_FEWSHOT,
            NUM_CONCURRENT,
            BATCH_SIZE,
            TOKENIZER_BACKEND,
            TOKENIZER,
            GEN_KWARGS,
            CONFIRM_CODE,
            OUT,
            ENVIRONMENT,
            SAMPLES,
            TEMPERATURE,
            MAX_LENGTH,
            API_KEY);

    private static final List<Setting<?>> FOR_TASKS =
            List.of(NUM_FEWSHOT, BATCH_SIZE, TOKENIZER_BACKEND, TOKENIZER, GEN_KWARGS, CONFIRM_CODE, ENVIRONMENT);
    private static final List<Setting<?>> FOR_BIGCODE = List.of(SAMPLES, TEMPERATURE, MAX_LENGTH);

    /** @throws SlayerException 400 naming the option */
    public EvalSettings {
        Objects.requireNonNull(url);
        Objects.requireNonNull(work);
        variants = List.copyOf(variants);
        Objects.requireNonNull(out);
        NUM_CONCURRENT.require(concurrency);
    }

    /** Settings as written; refuses what is out of range or does not go together. */
    public static EvalSettings from(SettingValues values) {
        List<String> variants = values.isSet(VARIANT) ? values.all(VARIANT) : List.of("base");
        return new EvalSettings(
                values.optional(URL), work(values), variants, values.optional(OUT), values.one(NUM_CONCURRENT));
    }

    private static EvalWork work(SettingValues values) {
        List<String> tasks = values.all(TASKS).stream()
                .flatMap(names -> Arrays.stream(names.split(",")))
                .map(String::strip)
                .filter(name -> !name.isEmpty())
                .distinct()
                .toList();
        Optional<Path> problems = values.optional(BIGCODE);
        if (tasks.isEmpty() == problems.isEmpty()) {
            throw SlayerException.badRequest(
                    TASKS.option(), "Give either --tasks, such as --tasks slayer_choice,slayer_cloze, or --bigcode.");
        }
        (problems.isPresent() ? FOR_TASKS : FOR_BIGCODE)
                .stream().filter(values::isSet).findFirst().ifPresent(setting -> {
                    throw SlayerException.badRequest(
                            setting.option(),
                            setting.option() + " goes with " + (problems.isPresent() ? "--tasks" : "--bigcode")
                                    + " only.");
                });
        if (problems.isPresent()) {
            return new EvalWork.BigCode(
                    problems.get(),
                    values.optional(LIMIT),
                    values.one(SAMPLES),
                    values.one(TEMPERATURE),
                    values.one(MAX_LENGTH));
        }
        return new EvalWork.Tasks(
                tasks,
                values.optional(LIMIT),
                values.optional(NUM_FEWSHOT),
                values.one(BATCH_SIZE),
                values.one(TOKENIZER_BACKEND),
                values.optional(TOKENIZER),
                values.optional(GEN_KWARGS),
                values.one(CONFIRM_CODE),
                values.optional(ENVIRONMENT));
    }

    private static SettingType<String> jsonObject() {
        return (text, base) -> {
            try {
                if (new ObjectMapper().readTree(text).isObject()) {
                    return text;
                }
            } catch (JsonProcessingException e) {
                throw new IllegalArgumentException("is no JSON: " + e.getOriginalMessage(), e);
            }
            throw new IllegalArgumentException("is no JSON object");
        };
    }
}
