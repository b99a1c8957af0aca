package dev.slayer.training.run;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.layout.Expansion;
import dev.slayer.training.method.Method;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** A recipe's words about its method, made a {@link Method} over a layout. */
final class MethodPlan {
    private static final Pattern RANGE = Pattern.compile("(\\d{1,6})(?:-(\\d{1,6}))?");

    private MethodPlan() {}

    /**
     * The method of a recipe.
     *
     * @param expansion the layout, and what its strategy trains
     * @param tied whether the base's head is its embedding: it is trained with the embedding or not at all
     * @param steps of the run
     * @throws SlayerException 400 if the words do not fit the layout
     */
    static Method of(TrainingRecipe.MethodPart part, Expansion expansion, boolean tied, long steps) {
        refuseLooseHead(part, tied);
        SortedSet<Integer> slots = slots(part, expansion);
        return switch (part.name()) {
            case "expand" ->
                new Method.Weights(
                        slots,
                        yes(part.embedding(), false),
                        yes(part.norm(), false),
                        yes(part.head(), expansion.trainsHead() && !tied));
            case "full" ->
                new Method.Weights(slots, yes(part.embedding(), true), yes(part.norm(), true), yes(part.head(), true));
            case "lora" ->
                new Method.LowRank(slots, matrices(part.matrices()), part.rank(), part.alpha(), part.dropout());
            case "adalora" -> adaptive(part, slots, steps);
            case "adapters" -> new Method.Adapters(slots, part.size());
            default ->
                throw SlayerException.badRequest(
                        "method.name", "method '" + part.name() + "' is none of expand, full, lora, adalora, adapters");
        };
    }

    /** Ranks are chosen from the first tenth of the run to its last quarter, as its authors do for short runs. */
    private static Method adaptive(TrainingRecipe.MethodPart part, SortedSet<Integer> slots, long steps) {
        int warmup = (int) Math.min(Integer.MAX_VALUE, steps / 10);
        int settled = (int) Math.min(Integer.MAX_VALUE, steps / 4);
        if (warmup + settled >= steps) {
            throw SlayerException.badRequest("run.steps", "adalora needs at least 2 steps, not " + steps);
        }
        return new Method.Adaptive(
                slots,
                matrices(part.matrices()),
                part.rank(),
                part.targetRank(),
                part.alpha(),
                warmup,
                settled,
                part.interval(),
                part.orthogonality(),
                part.dropout());
    }

    /** No delta can hold a head of its own for such a base. */
    private static void refuseLooseHead(TrainingRecipe.MethodPart part, boolean tied) {
        boolean embedding = yes(part.embedding(), part.name().equals("full"));
        if (tied && yes(part.head(), false) && !embedding) {
            throw SlayerException.badRequest(
                    "method.head",
                    "head: true, but this checkpoint's head is its embedding (tie_word_embeddings); train both by embedding: true, or"
                            + " leave head out");
        }
    }

    /**
     * What the layout's strategy would train and the method leaves out: the head of a base whose head is its embedding.
     *
     * @return a sentence for whoever runs it
     */
    static Optional<String> leftOut(TrainingRecipe.MethodPart part, Expansion expansion, boolean tied) {
        boolean silent = part.name().equals("expand")
                && part.head() == null
                && tied
                && expansion.trainsHead()
                && !yes(part.embedding(), false);
        return silent
                ? Optional.of("the layout's strategy trains the head, but this checkpoint's head is its embedding"
                        + " (tie_word_embeddings): neither is trained; embedding: true trains both, head: false says that"
                        + " neither shall be")
                : Optional.empty();
    }

    private static boolean yes(Boolean said, boolean otherwise) {
        return said == null ? otherwise : said;
    }

    private static SortedSet<Integer> slots(TrainingRecipe.MethodPart part, Expansion expansion) {
        int depth = expansion.layout().depth();
        String words = part.slots() == null ? (part.name().equals("expand") ? "inserted" : "all") : part.slots();
        return switch (words.strip()) {
            case "inserted" -> inserted(expansion);
            case "all" -> new TreeSet<>(IntStream.range(0, depth).boxed().toList());
            case "none" -> new TreeSet<>();
            default -> numbers(words, depth);
        };
    }

    private static SortedSet<Integer> inserted(Expansion expansion) {
        if (expansion.trainable().isEmpty()) {
            throw SlayerException.badRequest(
                    "method.slots",
                    "slots: inserted, but the layout comes from no strategy that trains some; name the slots, 0-"
                            + (expansion.layout().depth() - 1) + ", or use a preset in layout");
        }
        return expansion.trainable();
    }

    private static NavigableSet<Integer> numbers(String words, int depth) {
        NavigableSet<Integer> slots = new TreeSet<>();
        for (String item : words.split(",", -1)) {
            Matcher range = RANGE.matcher(item.strip());
            int from = range.matches() ? Integer.parseInt(range.group(1)) : -1;
            int to = from < 0 || range.group(2) == null ? from : Integer.parseInt(range.group(2));
            if (from < 0 || to < from || to >= depth) {
                throw SlayerException.badRequest(
                        "method.slots",
                        "'" + item + "' names no slots of this layout; write inserted, all, none, or numbers of 0-"
                                + (depth - 1) + " such as 2,5-7");
            }
            IntStream.rangeClosed(from, to).forEach(slots::add);
        }
        return slots;
    }

    private static Set<LayerTensor> matrices(String words) {
        if (words.strip().equals("all")) {
            return Method.MATRICES;
        }
        Set<LayerTensor> chosen = EnumSet.noneOf(LayerTensor.class);
        List<String> unknown = new ArrayList<>();
        for (String word : words.split(",", -1)) {
            Method.MATRICES.stream()
                    .filter(tensor -> shortName(tensor).equals(word.strip()))
                    .findFirst()
                    .ifPresentOrElse(chosen::add, () -> unknown.add(word));
        }
        if (!unknown.isEmpty()) {
            throw SlayerException.badRequest(
                    "method.matrices",
                    unknown + " are no matrices; there are "
                            + Method.MATRICES.stream()
                                    .map(MethodPlan::shortName)
                                    .collect(Collectors.joining(", ")));
        }
        return chosen;
    }

    /** {@code q_proj}. */
    static String shortName(LayerTensor tensor) {
        String suffix = tensor.suffix();
        return suffix.substring(suffix.indexOf('.') + 1, suffix.length() - ".weight".length());
    }
}
