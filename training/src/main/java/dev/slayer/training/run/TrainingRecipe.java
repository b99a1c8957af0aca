package dev.slayer.training.run;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Expansion;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.LayoutParameters;
import dev.slayer.surgery.layout.Namespace;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a training run does, as a YAML file says it: {@code training/recipes} has examples. Everything has a default but the data; a
 * name that is not known is refused.
 *
 * @param model the checkpoint: a folder, or the name of one that the server serves
 * @param layout what is edited of it, as behind {@code @} in a model's name; empty for the base
 * @param method what is trained
 * @param data what on
 * @param optimizer how
 * @param run how long, and what is kept
 */
public record TrainingRecipe(
        String model, String layout, MethodPart method, DataPart data, OptimizerPart optimizer, RunPart run) {
    /** Longest recipe, in characters. */
    public static final int MAX_TEXT = 1 << 20;

    public TrainingRecipe {
        model = model == null ? "" : model;
        layout = layout == null ? "" : layout;
        method = method == null ? MethodPart.DEFAULT : method;
        if (data == null) {
            throw SlayerException.badRequest("data", "a training recipe needs data: sources");
        }
        optimizer = optimizer == null ? OptimizerPart.DEFAULT : optimizer;
        run = run == null ? RunPart.DEFAULT : run;
    }

    /**
     * What is trained.
     *
     * @param name {@code expand} (whole slots), {@code full}, {@code lora}, {@code adalora} or {@code adapters}
     * @param slots {@code inserted} (what the layout's strategy trains), {@code all}, or numbers and ranges such as {@code 2,5-7}
     * @param head whether the language-model head is trained as well; default: what the strategy says, and yes for full
     * @param embedding whether the embedding is; default: only for full
     * @param norm whether the final norm is; default: only for full
     * @param matrices for low-rank methods: {@code all}, or names such as {@code q_proj,v_proj}
     * @param rank for low-rank methods
     * @param alpha for low-rank methods: weight of the addition
     * @param targetRank for adalora: mean rank at the end
     * @param interval for adalora: steps between two choices of ranks
     * @param orthogonality for adalora: weight of the term that keeps factors orthonormal
     * @param dropout for lora and adalora: share of what A gets that is left out at random
     * @param size for adapters: width of the bottleneck
     */
    public record MethodPart(
            String name,
            String slots,
            Boolean head,
            Boolean embedding,
            Boolean norm,
            String matrices,
            Integer rank,
            Double alpha,
            Integer targetRank,
            Integer interval,
            Double orthogonality,
            Double dropout,
            Integer size) {
        static final MethodPart DEFAULT =
                new MethodPart(null, null, null, null, null, null, null, null, null, null, null, null, null);

        public MethodPart {
            name = name == null ? "expand" : name;
            matrices = matrices == null ? "all" : matrices;
            rank = in("rank", rank == null ? 8 : rank, 1, 4096);
            alpha = alpha == null ? 2.0 * rank : alpha;
            targetRank = in("target_rank", targetRank == null ? Math.max(1, rank / 2) : targetRank, 1, rank);
            interval = in("interval", interval == null ? 10 : interval, 1, 1 << 20);
            orthogonality = orthogonality == null ? 0.5 : orthogonality;
            dropout = dropout == null ? 0 : dropout;
            if (!(dropout >= 0 && dropout < 1)) {
                throw SlayerException.badRequest(
                        "dropout", "dropout=" + dropout + " is outside the allowed range: from 0 to below 1");
            }
            size = in("size", size == null ? 64 : size, 1, 1 << 16);
        }
    }

    /**
     * What is trained on; dev.slayer.training.data explains the words.
     *
     * @param sources {@code path:weight} items, or one text with commas; relative to the recipe's folder
     * @param validation sources that are only validated on: {@code name=path}
     * @param validationShare held back of the sources
     * @param validationTokens most tokens of a domain that a validation reads; 0 for all
     * @param length tokens of a row
     * @param documentAttention whether attention stays within documents
     * @param format of all sources; {@code auto} looks at each
     * @param answersOnly whether only answers are learned, where rows have answers
     * @param whole whether documents are never cut at the end of a row
     * @param chat {@code template} or {@code plain}
     * @param shuffle rows that are shuffled among each other
     * @param epochs passes over each source
     * @param tokens budget; 0 for none
     * @param badShare share of bad rows from which on data is refused
     */
    public record DataPart(
            List<String> sources,
            List<String> validation,
            Double validationShare,
            Long validationTokens,
            Integer length,
            Boolean documentAttention,
            String format,
            Boolean answersOnly,
            Boolean whole,
            String chat,
            Integer shuffle,
            Integer epochs,
            Long tokens,
            Double badShare) {
        public DataPart {
            sources = sources == null ? List.of() : List.copyOf(sources);
            validation = validation == null ? List.of() : List.copyOf(validation);
            validationShare = validationShare == null ? 0 : validationShare;
            validationTokens = validationTokens == null ? 0 : validationTokens;
            length = length == null ? 1024 : length;
            documentAttention = documentAttention != null && documentAttention;
            format = format == null ? "auto" : format;
            answersOnly = answersOnly == null || answersOnly;
            whole = whole != null && whole;
            chat = chat == null ? "template" : chat;
            shuffle = shuffle == null ? 10_000 : shuffle;
            tokens = tokens == null ? 0 : tokens;
            epochs = epochs == null ? (tokens > 0 ? 0 : 1) : epochs;
            badShare = badShare == null ? 0.01 : badShare;
        }
    }

    /**
     * How weights follow from gradients; the defaults are the paper's.
     *
     * @param batch rows of a step, over all processes
     * @param microBatch rows that are computed at a time
     */
    public record OptimizerPart(
            Integer batch,
            Integer microBatch,
            Double learningRate,
            Double endLearningRate,
            Double warmupRatio,
            Double beta1,
            Double beta2,
            Double epsilon,
            Double decay,
            Double clip) {
        static final OptimizerPart DEFAULT =
                new OptimizerPart(null, null, null, null, null, null, null, null, null, null);

        public OptimizerPart {
            batch = in("batch", batch == null ? 16 : batch, 1, 1 << 20);
            microBatch = in("micro_batch", microBatch == null ? Math.min(8, batch) : microBatch, 1, batch);
            learningRate = learningRate == null ? 2e-4 : learningRate;
            endLearningRate = endLearningRate == null ? 0 : endLearningRate;
            warmupRatio = warmupRatio == null ? 0.02 : warmupRatio;
            beta1 = beta1 == null ? 0.9 : beta1;
            beta2 = beta2 == null ? 0.95 : beta2;
            epsilon = epsilon == null ? 1e-8 : epsilon;
            decay = decay == null ? 0.1 : decay;
            clip = clip == null ? 1 : clip;
        }
    }

    /**
     * How long, and what is kept.
     *
     * @param steps at most; 0 for as many as the data gives
     * @param seed of everything that is drawn
     * @param checkpointEvery steps from one checkpoint to the next; 0 for none but the last
     * @param keep checkpoints that are kept
     * @param validateEvery steps from one validation to the next; 0 for none but the first and the last
     * @param recompute whether blocks are computed again on the way back, for memory
     * @param threads of libtorch; 0 for all cores
     * @param device {@code cpu}, {@code cuda} (with several processes one device for each) or {@code cuda:N}
     * @param precision of products and activations: {@code float32} or {@code bfloat16}; default: float32 on the CPU, bfloat16 on CUDA.
     *     What is trained is float32 always
     */
    public record RunPart(
            Long steps,
            Long seed,
            Integer checkpointEvery,
            Integer keep,
            Integer validateEvery,
            Boolean recompute,
            Integer threads,
            String device,
            String precision) {
        static final RunPart DEFAULT = new RunPart(null, null, null, null, null, null, null, null, null);

        public RunPart {
            steps = steps == null ? 0 : steps;
            seed = seed == null ? 1 : seed;
            checkpointEvery = in("checkpoint_every", checkpointEvery == null ? 100 : checkpointEvery, 0, 1 << 30);
            keep = in("keep", keep == null ? 2 : keep, 1, 1000);
            validateEvery = in("validate_every", validateEvery == null ? 0 : validateEvery, 0, 1 << 30);
            recompute = recompute != null && recompute;
            threads = in("threads", threads == null ? 0 : threads, 0, 1024);
            device = device == null ? "cpu" : device;
            if (!device.matches("cpu|cuda(:\\d{1,2})?")) {
                throw SlayerException.badRequest("device", "device '" + device + "' is none of cpu, cuda, cuda:N");
            }
            if (precision != null && !precision.matches("float32|bfloat16")) {
                throw SlayerException.badRequest(
                        "precision", "precision '" + precision + "' is neither float32 nor bfloat16");
            }
        }

        @Override
        public String precision() {
            return precision != null ? precision : cuda() ? "bfloat16" : "float32";
        }

        /** Whether it is to run on CUDA. */
        public boolean cuda() {
            return device.startsWith("cuda");
        }

        RunPart on(Optional<String> otherDevice, Optional<String> otherPrecision) {
            return new RunPart(
                    steps,
                    seed,
                    checkpointEvery,
                    keep,
                    validateEvery,
                    recompute,
                    threads,
                    otherDevice.orElse(device),
                    otherPrecision.orElse(precision));
        }
    }

    /**
     * The recipe on another device.
     *
     * @throws SlayerException 400 if there is no such device or precision
     */
    public TrainingRecipe on(Optional<String> device, Optional<String> precision) {
        return new TrainingRecipe(model, layout, method, data, optimizer, run.on(device, precision));
    }

    /**
     * The layout that is trained, and what its strategy trains of it.
     *
     * @param base the checkpoint that is edited
     * @param others the checkpoints that the layout may take layers of
     * @throws SlayerException 400 if the layout cannot be made of them
     */
    Expansion expansion(ModelConfig base, Namespace others) {
        LayoutParameters parameters = layout.isBlank() ? LayoutParameters.of(Map.of()) : LayoutParameters.parse(layout);
        return parameters.expand(base, Layout.identity(base.layers()), others);
    }

    /**
     * Reads a recipe.
     *
     * @throws SlayerException 400 naming the place and the key at fault
     */
    public static TrainingRecipe parse(String text) {
        return RecipeReader.read(text);
    }

    private static int in(String name, int value, int low, int high) {
        if (value < low || value > high) {
            throw SlayerException.badRequest(
                    name, name + "=" + value + " is outside the allowed range " + low + "-" + high);
        }
        return value;
    }
}
