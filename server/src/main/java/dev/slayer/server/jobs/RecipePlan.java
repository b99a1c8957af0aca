package dev.slayer.server.jobs;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.slayer.server.store.StoredFile;
import dev.slayer.surgery.SlayerException;
import dev.slayer.training.run.TrainingRecipe;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;
import org.yaml.snakeyaml.LoaderOptions;

/**
 * A job's training recipe, made of what a client asks for. A client's own recipe says what is trained and how; it never names files of
 * this machine, and its sizes are bounded.
 */
final class RecipePlan {
    private static final int LENGTH = 1024;
    private static final int SUPERVISED_EPOCHS = 3;
    private static final int BATCH = 4;
    private static final long VALIDATION_TOKENS = 1 << 18;
    private static final long MOST_VALIDATED = 1 << 24;
    private static final int MOST_KEPT = 5;
    private static final long MOST_STEPS = 10_000_000;
    private static final Set<String> OWN = Set.of("recipe", "layout", "hyperparameters");

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final ObjectMapper YAML = YAMLMapper.builder(
                    YAMLFactory.builder().loaderOptions(limits()).build())
            .build();

    private final JobRequest request;
    private final TrainableModels.Held model;
    private final JobSettings settings;
    private final ObjectNode tree;

    private RecipePlan(JobRequest request, TrainableModels.Held model, JobSettings settings) {
        this.request = request;
        this.model = model;
        this.settings = settings;
        this.tree = request.slayer().map(RecipePlan::given).orElseGet(this::supervised);
    }

    /**
     * A recipe's text and what of it clients are shown.
     *
     * @param text JSON, which is YAML as well
     * @param recipe the same, on the server's device
     * @param hyperparameters as they came out
     */
    record Made(String text, TrainingRecipe recipe, ObjectNode hyperparameters) {}

    /**
     * Makes the recipe.
     *
     * @param seed of everything that is drawn
     * @throws SlayerException 400 naming the field at fault
     */
    static Made of(
            JobRequest request,
            TrainableModels.Held model,
            StoredFile training,
            Optional<StoredFile> validation,
            long seed,
            JobSettings settings) {
        RecipePlan plan = new RecipePlan(request, model, settings);
        plan.layout();
        plan.data(training, validation);
        plan.optimizer();
        plan.run(seed);
        String text = plan.tree.toString();
        TrainingRecipe recipe =
                TrainingRecipe.parse(text).on(Optional.of(settings.device().name()), Optional.empty());
        plan.requireBounds(recipe);
        return new Made(text, recipe, plan.hyperparameters(recipe));
    }

    /** Seed that a client's recipe names. */
    static Optional<Long> seed(JobRequest request) {
        return request.slayer()
                .map(RecipePlan::given)
                .map(tree -> tree.path("run").path("seed"))
                .filter(JsonNode::canConvertToLong)
                .map(JsonNode::longValue);
    }

    private static ObjectNode given(ObjectNode slayer) {
        JsonNode recipe = slayer.path("recipe");
        ObjectNode tree = JSON.createObjectNode();
        if (recipe.isTextual()) {
            tree = parsed(recipe.textValue());
        } else if (recipe instanceof ObjectNode object) {
            tree = object.deepCopy();
        } else if (!recipe.isMissingNode() && !recipe.isNull()) {
            throw SlayerException.badRequest(
                    "method.slayer.recipe", "method.slayer.recipe must be YAML in a string, or an object.");
        }
        refuse(tree, "model", "the job's model is its own field");
        if (tree.path("data") instanceof ObjectNode data) {
            refuse(data, "sources", "the job's data is training_file");
            refuse(data, "validation", "the job's validation data is validation_file");
        }
        if (tree.path("run") instanceof ObjectNode run) {
            refuse(run, "device", "the server says what jobs train on (--training-device)");
        }
        if (slayer.hasNonNull("layout")) {
            refuse(tree, "layout", "method.slayer.layout names one");
            tree.set("layout", slayer.get("layout"));
        }
        ObjectNode method = part(tree, "method");
        for (var field : slayer.properties()) {
            if (!OWN.contains(field.getKey())) {
                method.set(field.getKey(), field.getValue());
            }
        }
        return tree;
    }

    private static void refuse(ObjectNode tree, String name, String why) {
        if (tree.hasNonNull(name)) {
            throw SlayerException.badRequest(
                    "method.slayer.recipe",
                    "The recipe of a job cannot hold '" + name + "': " + why + "; leave it out of the recipe.");
        }
        tree.remove(name);
    }

    private static ObjectNode parsed(String text) {
        if (text.length() > TrainingRecipe.MAX_TEXT) {
            throw SlayerException.badRequest(
                    "method.slayer.recipe",
                    "The recipe has " + text.length() + " characters; allowed are " + TrainingRecipe.MAX_TEXT + ".");
        }
        try {
            JsonNode tree = YAML.readTree(text);
            if (tree instanceof ObjectNode object) {
                return object;
            }
            throw SlayerException.badRequest("method.slayer.recipe", "The recipe is no mapping of names to values.");
        } catch (JsonProcessingException e) {
            throw new SlayerException(
                    400,
                    "invalid_recipe",
                    "method.slayer.recipe",
                    "The recipe is no valid YAML: "
                            + UploadedFiles.shown(String.valueOf(e.getOriginalMessage())
                                    .lines()
                                    .findFirst()
                                    .orElse("")),
                    e);
        }
    }

    private static LoaderOptions limits() {
        LoaderOptions options = new LoaderOptions();
        options.setCodePointLimit(TrainingRecipe.MAX_TEXT);
        options.setNestingDepthLimit(20);
        options.setMaxAliasesForCollections(0);
        options.setAllowDuplicateKeys(false);
        return options;
    }

    /** What OpenAI's method stands for: LoRA on all matrices of all slots, learning answers only. */
    private ObjectNode supervised() {
        ObjectNode recipe = JSON.createObjectNode();
        recipe.putObject("method").put("name", "lora").put("rank", 8);
        recipe.putObject("data").put("whole", true).put("epochs", SUPERVISED_EPOCHS);
        recipe.putObject("optimizer").put("learning_rate", 2e-4).put("decay", 0);
        return recipe;
    }

    private static ObjectNode part(ObjectNode tree, String name) {
        JsonNode part = tree.get(name);
        if (part instanceof ObjectNode object) {
            return object;
        }
        if (part != null && !part.isNull()) {
            throw SlayerException.badRequest(
                    "method.slayer.recipe", "'" + name + "' of the recipe must hold names and values.");
        }
        return tree.putObject(name);
    }

    private static void otherwise(ObjectNode part, String name, JsonNode value) {
        if (!part.hasNonNull(name)) {
            part.set(name, value);
        }
    }

    private void layout() {
        if (!model.layout().isEmpty()) {
            if (tree.hasNonNull("layout") && !tree.path("layout").asText().isBlank()) {
                throw SlayerException.badRequest(
                        "method.slayer.layout",
                        "'" + UploadedFiles.shown(request.model())
                                + "' is edited already; name the checkpoint as the model and the whole layout here, or no layout.");
            }
            tree.put("layout", model.layout());
        }
        ObjectNode method = part(tree, "method");
        boolean expands = method.path("name").asText("expand").equals("expand");
        boolean inserted = method.path("slots").asText("inserted").equals("inserted");
        if (expands && inserted && !model.trainable().isEmpty()) {
            method.put("slots", model.trainable().stream().map(String::valueOf).collect(Collectors.joining(",")));
            otherwise(
                    method,
                    "head",
                    JSON.getNodeFactory()
                            .booleanNode(
                                    model.trainsHead() && !model.base().config().tiedEmbeddings()));
        }
    }

    private void data(StoredFile training, Optional<StoredFile> validation) {
        ObjectNode data = part(tree, "data");
        data.putArray("sources").add(training.stored());
        validation.ifPresent(file -> data.putArray("validation").add("validation=" + file.stored()));
        otherwise(
                data,
                "length",
                JSON.getNodeFactory()
                        .numberNode(Math.min(LENGTH, model.base().config().contextLength())));
        otherwise(
                data,
                "chat",
                JSON.getNodeFactory().textNode(model.tokenizer().chatTemplate().isPresent() ? "template" : "plain"));
        otherwise(data, "validation_tokens", JSON.getNodeFactory().numberNode(VALIDATION_TOKENS));
        OptionalInt epochs = request.hyperparameters().epochs();
        if (epochs.isPresent()) {
            data.put("epochs", epochs.getAsInt());
        }
    }

    private void optimizer() {
        ObjectNode optimizer = part(tree, "optimizer");
        otherwise(optimizer, "batch", JSON.getNodeFactory().numberNode(BATCH));
        if (request.hyperparameters().batch().isPresent()) {
            optimizer.put("batch", request.hyperparameters().batch().getAsInt());
        }
        if (request.hyperparameters().rateMultiplier().isPresent()) {
            double rate = optimizer.path("learning_rate").asDouble(2e-4);
            optimizer.put(
                    "learning_rate",
                    rate * request.hyperparameters().rateMultiplier().getAsDouble());
        }
    }

    private void run(long seed) {
        ObjectNode run = part(tree, "run");
        run.put("seed", seed);
        otherwise(run, "threads", JSON.getNodeFactory().numberNode(settings.threads()));
    }

    private void requireBounds(TrainingRecipe recipe) {
        if (recipe.method().name().equals("adapters")) {
            throw SlayerException.badRequest(
                    "method.slayer.name",
                    "Adapters cannot be served, so no job trains them; take expand, full, lora or adalora, or train them"
                            + " with ./slayer train.");
        }
        int context = model.base().config().contextLength();
        within("data.length", recipe.data().length(), 2, context);
        within("data.validation_tokens", recipe.data().validationTokens(), 1, MOST_VALIDATED);
        within("run.threads", recipe.run().threads(), 1, settings.threads());
        within("run.keep", recipe.run().keep(), 1, MOST_KEPT);
        within("run.steps", recipe.run().steps(), 0, MOST_STEPS);
        within("data.epochs", recipe.data().epochs(), recipe.data().tokens() > 0 ? 0 : 1, 1_000_000);
    }

    private static void within(String name, long value, long low, long high) {
        if (value < low || value > high) {
            throw SlayerException.badRequest(
                    name,
                    name + "=" + value + " is outside of what a job may have; allowed: " + low + " to " + high + ".");
        }
    }

    private ObjectNode hyperparameters(TrainingRecipe recipe) {
        ObjectNode shown = JSON.createObjectNode();
        shown.put("n_epochs", recipe.data().epochs());
        shown.put("batch_size", recipe.optimizer().batch());
        if (request.hyperparameters().rateMultiplier().isPresent()) {
            shown.put(
                    "learning_rate_multiplier",
                    request.hyperparameters().rateMultiplier().getAsDouble());
        } else {
            shown.put("learning_rate_multiplier", 1.0);
        }
        return shown;
    }

    /** For messages: names of the files' kinds that can be trained on. */
    static final List<String> KINDS =
            List.of(".jsonl", ".jsonl.gz", ".jsonl.zst", ".txt", ".txt.gz", ".txt.zst", ".parquet");
}
