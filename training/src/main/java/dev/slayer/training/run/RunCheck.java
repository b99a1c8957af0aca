package dev.slayer.training.run;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.DType;
import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Expansion;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Namespace;
import dev.slayer.surgery.layout.Recipe;
import dev.slayer.surgery.layout.Slot;
import dev.slayer.training.data.BatchStream;
import dev.slayer.training.data.DataReport;
import dev.slayer.training.data.TextCodec;
import dev.slayer.training.data.TrainingData;
import dev.slayer.training.method.Method;
import dev.slayer.training.method.ParameterSpec;
import dev.slayer.training.method.TrainableParts;
import java.nio.file.Path;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** What can be said of a run before it begins. Loads no native library; any thread. */
public final class RunCheck {
    private static final long ADAPTIVE_STEPS = 1000;

    private RunCheck() {}

    /**
     * Memory of a run in bytes, roughly: what libtorch's allocator and the arithmetic's scratch take besides is not in it.
     *
     * @param parameters numbers that are trained
     * @param weights of these parameters, float32
     * @param gradients of them
     * @param moments AdamW's two
     * @param frozen weights that are not in the mapped checkpoint as they are: derived layers, and copies of 16-bit ones
     * @param activations kept from the way forward for the way back, the logits, and copies of what is trained in fewer bits
     */
    public record Memory(long parameters, long weights, long gradients, long moments, long frozen, long activations) {
        /** All of it. */
        public long total() {
            return weights + gradients + moments + frozen + activations;
        }
    }

    /**
     * Checks that recipe and model fit each other, and estimates the memory.
     *
     * @throws SlayerException 400 if they do not
     */
    public static Memory memory(TrainingRecipe recipe, Checkpoint base, Namespace others) {
        ModelConfig config = base.config();
        var _ = DataPlan.of(recipe, Path.of(".")); // refuses options that cannot be
        Expansion expansion = recipe.expansion(config, others);
        long steps = recipe.run().steps() > 0 ? recipe.run().steps() : ADAPTIVE_STEPS;
        Method method = MethodPlan.of(recipe.method(), expansion, config.tiedEmbeddings(), steps);
        long parameters = TrainableParts.of(method, config).stream()
                .mapToLong(ParameterSpec::elements)
                .sum();
        if (parameters == 0) {
            throw SlayerException.badRequest(
                    "method.slots", "this method trains nothing; name slots, the head, the embedding or the norm");
        }
        long bytes = Math.multiplyExact(parameters, Float.BYTES);
        long rounded = narrow(recipe) ? Math.multiplyExact(parameters, (long) Short.BYTES) : 0;
        long activations = activations(recipe, config, expansion.layout().depth(), lowest(method, expansion.layout()));
        return new Memory(
                parameters,
                bytes,
                bytes,
                2 * bytes,
                frozen(recipe, base, expansion.layout()),
                Math.addExact(activations, rounded));
    }

    private static int lowest(Method method, Layout layout) {
        if (method instanceof Method.Weights weights && weights.embedding()) {
            return 0;
        }
        return method.slots().isEmpty() ? layout.depth() : method.slots().first();
    }

    /** On the CPU what lies in the map in the computation's type costs nothing; a CUDA device has everything of its own. */
    private static long frozen(TrainingRecipe recipe, Checkpoint base, Layout layout) {
        ModelConfig config = base.config();
        boolean narrow = narrow(recipe);
        DType stored = base.tensor(LayerTensor.QUERY.name(0)).dtype();
        boolean other = stored != (narrow ? DType.BF16 : DType.F32);
        boolean copied =
                recipe.run().cuda() || (other && (narrow || !recipe.run().recompute()));
        Predicate<Recipe> costs = each -> each.derived() || copied;
        Set<Recipe> made =
                layout.slots().stream().map(Slot::recipe).filter(costs).collect(Collectors.toSet());
        long layers = Math.multiplyExact(made.size(), config.parameters().layer());
        long ends =
                copied ? config.parameters().embedding() + config.parameters().head() : 0;
        return Math.multiplyExact(layers + ends, bytes(recipe));
    }

    private static boolean narrow(TrainingRecipe recipe) {
        return recipe.run().precision().equals("bfloat16");
    }

    /** Of a number that is computed with. */
    private static long bytes(TrainingRecipe recipe) {
        return narrow(recipe) ? Short.BYTES : Float.BYTES;
    }

    /** Rows of a slot that autograd keeps: inputs of norms, projections, attention and the gate, each [tokens, width]. */
    private static long activations(TrainingRecipe recipe, ModelConfig config, int depth, int lowest) {
        long tokens = Math.multiplyExact(
                (long) recipe.optimizer().microBatch(), (long) recipe.data().length());
        long widths = 8L * config.hiddenSize()
                + 4L * config.queryWidth()
                + 4L * config.kvWidth()
                + 5L * config.intermediateSize();
        long kept = recipe.run().recompute()
                ? widths + (long) depth * config.hiddenSize()
                : widths * Math.max(1, depth - lowest);
        long logits = 4 * Math.min(Math.multiplyExact(tokens, (long) config.vocabularySize()), 1L << 24);
        return Math.addExact(
                Math.multiplyExact(Math.multiplyExact(tokens, kept), bytes(recipe)),
                Math.multiplyExact(logits, (long) Float.BYTES));
    }

    /**
     * Reads the beginning of the data, and of what is validated on.
     *
     * @param folder from which relative paths are taken
     * @param batches read at most, of each
     * @param control ends it early
     * @return what was found in the training data
     * @throws SlayerException 400 if the data cannot be used
     */
    public static DataReport data(
            TrainingRecipe recipe, TextCodec codec, Path folder, long batches, RunControl control) {
        TrainingData data = TrainingData.open(DataPlan.of(recipe, folder), codec);
        for (String domain : data.domains()) {
            try (BatchStream stream = data.validation(domain)) {
                if (read(stream, batches, control) == 0 && !control.stopped()) {
                    throw SlayerException.badRequest(
                            "validation_file", "the validation data '" + domain + "' gives not one batch");
                }
            }
        }
        try (BatchStream stream = data.train()) {
            if (read(stream, batches, control) == 0 && !control.stopped()) {
                throw SlayerException.badRequest("training_file", "the data gives not one batch");
            }
            return stream.report();
        }
    }

    private static long read(BatchStream stream, long most, RunControl control) {
        long count = 0;
        while (count < most && !control.stopped() && stream.next().isPresent()) {
            count++;
        }
        return count;
    }
}
