package dev.slayer.surgery.layout;

import java.math.BigDecimal;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * How the weights of a block come about. Equal recipes give equal weights, so blocks are shared by recipe. All arithmetic is
 * done in float32, tensor by tensor, and rounded once to the element type of the base checkpoint.
 */
public sealed interface Recipe {
    /** The most layers that one recipe reads. */
    int MAX_LAYERS = 64;

    /** Canonical text, as in the layout grammar. */
    String text();

    /** The layers that it reads, in the order of its text. */
    List<LayerRef> layers();

    /** The same recipe over other layers. */
    Recipe over(UnaryOperator<LayerRef> layers);

    /**
     * The one recipe that stands for all that give the same weights: {@code avg(8:7)} is {@code avg(7:8)}, {@code avg(7:7)} is
     * {@code 7}, {@code lerp(7:8:0.5)} is {@code avg(7:8)}. Slots hold nothing else.
     *
     * @throws IllegalArgumentException if nothing is left of it, or weights of one layer add up to more than a weight may be
     */
    default Recipe canonical() {
        return Canonical.of(this);
    }

    /** Whether its attention output and MLP-down projections are zero, so that a block adds nothing to the residual stream. */
    default boolean silent() {
        return false;
    }

    /** Whether its weights are not simply those of a layer, so that a block costs memory of its own. */
    default boolean derived() {
        return true;
    }

    /** {@code 7}: a layer as it is; costs no memory beyond the checkpoint's own. */
    record Plain(LayerRef layer) implements Recipe {
        /** A layer of the base. */
        public Plain(int layer) {
            this(LayerRef.of(layer));
        }

        @Override
        public String text() {
            return layer.text();
        }

        @Override
        public List<LayerRef> layers() {
            return List.of(layer);
        }

        @Override
        public Recipe over(UnaryOperator<LayerRef> layers) {
            return new Plain(layers.apply(layer));
        }

        @Override
        public boolean derived() {
            return false;
        }
    }

    /** {@code avg(7:8)}: the mean of all tensors of two or more layers. */
    record Average(List<LayerRef> layers) implements Recipe {
        public Average {
            layers = atLeastTwo(layers);
        }

        @Override
        public String text() {
            return "avg(" + join(layers) + ")";
        }

        @Override
        public Recipe over(UnaryOperator<LayerRef> layers) {
            return new Average(this.layers.stream().map(layers).toList());
        }
    }

    /** {@code zero(7)}: a copy whose attention output and MLP-down projections are zero (Llama Pro). */
    record Zero(LayerRef layer) implements Recipe {
        @Override
        public String text() {
            return "zero(" + layer.text() + ")";
        }

        @Override
        public List<LayerRef> layers() {
            return List.of(layer);
        }

        @Override
        public Recipe over(UnaryOperator<LayerRef> layers) {
            return new Zero(layers.apply(layer));
        }

        @Override
        public boolean silent() {
            return true;
        }
    }

    /** {@code avg0(7:8)}: the mean with those two projections zero. */
    record AverageZero(List<LayerRef> layers) implements Recipe {
        public AverageZero {
            layers = atLeastTwo(layers);
        }

        @Override
        public String text() {
            return "avg0(" + join(layers) + ")";
        }

        @Override
        public Recipe over(UnaryOperator<LayerRef> layers) {
            return new AverageZero(this.layers.stream().map(layers).toList());
        }

        @Override
        public boolean silent() {
            return true;
        }
    }

    /** {@code lerp(7:8:0.3)}: (1 - t) of the first and t of the second. */
    record Lerp(LayerRef first, LayerRef second, BigDecimal t) implements Recipe {
        public Lerp {
            t = Decimals.share("t", t);
        }

        @Override
        public String text() {
            return "lerp(" + join(layers()) + ":" + Decimals.text(t) + ")";
        }

        @Override
        public List<LayerRef> layers() {
            return List.of(first, second);
        }

        @Override
        public Recipe over(UnaryOperator<LayerRef> layers) {
            return new Lerp(layers.apply(first), layers.apply(second), t);
        }
    }

    /** {@code slerp(7:other:7:0.3)}: along the arc between two layers, each tensor taken as one vector. */
    record Slerp(LayerRef first, LayerRef second, BigDecimal t) implements Recipe {
        public Slerp {
            t = Decimals.share("t", t);
        }

        @Override
        public String text() {
            return "slerp(" + join(layers()) + ":" + Decimals.text(t) + ")";
        }

        @Override
        public List<LayerRef> layers() {
            return List.of(first, second);
        }

        @Override
        public Recipe over(UnaryOperator<LayerRef> layers) {
            return new Slerp(layers.apply(first), layers.apply(second), t);
        }
    }

    /** {@code linear(7*0.6:other:7*0.4)}: the sum of layers times weights, as written, not normalized. */
    record Linear(List<Donor> donors) implements Recipe {
        public Linear {
            donors = Donor.checked(donors, false);
        }

        @Override
        public String text() {
            return "linear(" + joinDonors(donors) + ")";
        }

        @Override
        public List<LayerRef> layers() {
            return donors.stream().map(Donor::layer).toList();
        }

        @Override
        public Recipe over(UnaryOperator<LayerRef> layers) {
            return new Linear(Donor.over(donors, layers));
        }
    }

    /** {@code task(7:math:7*0.5:code:7*0.5)}: task arithmetic, the base plus weighted differences from it. */
    record Task(LayerRef base, List<Donor> donors) implements Recipe {
        public Task {
            donors = Donor.checked(donors, false);
        }

        @Override
        public String text() {
            return "task(" + base.text() + ":" + joinDonors(donors) + ")";
        }

        @Override
        public List<LayerRef> layers() {
            return withBase(base, donors);
        }

        @Override
        public Recipe over(UnaryOperator<LayerRef> layers) {
            return new Task(layers.apply(base), Donor.over(donors, layers));
        }
    }

    /**
     * {@code ties(7:math:7*0.5~0.2:code:7*0.5~0.2)}: differences trimmed to their largest entries (the density after {@code ~}),
     * a sign elected for each entry, the mean of those that agree added to the base (Yadav et al., 2023).
     */
    record Ties(LayerRef base, List<Donor> donors) implements Recipe {
        public Ties {
            donors = Donor.checked(donors, true);
        }

        @Override
        public String text() {
            return "ties(" + base.text() + ":" + joinDonors(donors) + ")";
        }

        @Override
        public List<LayerRef> layers() {
            return withBase(base, donors);
        }

        @Override
        public Recipe over(UnaryOperator<LayerRef> layers) {
            return new Ties(layers.apply(base), Donor.over(donors, layers));
        }
    }

    /**
     * {@code dare(7:math:7*0.5~0.2:seed42)}: each entry of a difference is kept with the probability after {@code ~} and divided
     * by it, the weighted rest added to the base (Yu et al., 2023). The seed decides which entries.
     */
    record Dare(LayerRef base, List<Donor> donors, long seed) implements Recipe {
        public Dare {
            donors = Donor.checked(donors, true);
            if (seed < 0) {
                throw new IllegalArgumentException("seed is " + seed + ", but must not be negative");
            }
        }

        @Override
        public String text() {
            return "dare(" + base.text() + ":" + joinDonors(donors) + ":seed" + seed + ")";
        }

        @Override
        public List<LayerRef> layers() {
            return withBase(base, donors);
        }

        @Override
        public Recipe over(UnaryOperator<LayerRef> layers) {
            return new Dare(layers.apply(base), Donor.over(donors, layers), seed);
        }
    }

    /**
     * A layer that a merge takes from.
     *
     * @param weight its factor; written {@code *0.5}, left out where 1
     * @param density part of its difference that is kept, over 0 to 1; written {@code ~0.2}, left out where 1
     */
    record Donor(LayerRef layer, BigDecimal weight, BigDecimal density) {
        public Donor {
            weight = Decimals.factor("weight", weight);
            density = Decimals.share("density", density);
            if (density.signum() == 0) {
                throw new IllegalArgumentException("density is 0, but must be over 0; leave the layer out");
            }
        }

        String text() {
            return layer.text()
                    + (Decimals.isOne(weight) ? "" : "*" + Decimals.text(weight))
                    + (Decimals.isOne(density) ? "" : "~" + Decimals.text(density));
        }

        private static List<Donor> checked(List<Donor> donors, boolean densities) {
            atMost(donors.size());
            if (donors.isEmpty()) {
                throw new IllegalArgumentException("a merge needs at least one layer to take from");
            }
            if (!densities && !donors.stream().allMatch(donor -> Decimals.isOne(donor.density))) {
                throw new IllegalArgumentException("only ties and dare know densities");
            }
            return List.copyOf(donors);
        }

        private static List<Donor> over(List<Donor> donors, UnaryOperator<LayerRef> layers) {
            return donors.stream()
                    .map(donor -> new Donor(layers.apply(donor.layer), donor.weight, donor.density))
                    .toList();
        }
    }

    private static List<LayerRef> atLeastTwo(List<LayerRef> layers) {
        if (layers.size() < 2) {
            throw new IllegalArgumentException("a mean needs at least two layers");
        }
        atMost(layers.size());
        return List.copyOf(layers);
    }

    private static void atMost(int layers) {
        if (layers > MAX_LAYERS) {
            throw new IllegalArgumentException("a recipe takes at most " + MAX_LAYERS + " layers, not " + layers);
        }
    }

    private static List<LayerRef> withBase(LayerRef base, List<Donor> donors) {
        return Stream.concat(Stream.of(base), donors.stream().map(Donor::layer)).toList();
    }

    private static String join(List<LayerRef> layers) {
        return layers.stream().map(LayerRef::text).collect(Collectors.joining(":"));
    }

    private static String joinDonors(List<Donor> donors) {
        return donors.stream().map(Donor::text).collect(Collectors.joining(":"));
    }
}
