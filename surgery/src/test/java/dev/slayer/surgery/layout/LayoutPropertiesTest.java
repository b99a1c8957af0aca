package dev.slayer.surgery.layout;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.surgery.SlayerException;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;

class LayoutPropertiesTest {
    private static final int TRIES = 1000;

    @Property(tries = TRIES, edgeCases = EdgeCasesMode.NONE)
    void whatIsPrintedIsReadAsTheSameLayout(@ForAll("layouts") Layout layout) {
        assertThat(parse(layout.text())).isEqualTo(layout);
    }

    @Property(tries = TRIES, edgeCases = EdgeCasesMode.NONE)
    void canonicalTextIsAFixedPoint(@ForAll("layouts") Layout layout) {
        String text = layout.text();
        assertThat(parse(text).text()).isEqualTo(text);
    }

    @Property(tries = TRIES, edgeCases = EdgeCasesMode.NONE)
    void layoutsAreEqualExactlyWhereTheirTextsAre(@ForAll("layouts") Layout one, @ForAll("layouts") Layout other) {
        assertThat(one.equals(other)).isEqualTo(one.text().equals(other.text()));
    }

    @Property(tries = TRIES, edgeCases = EdgeCasesMode.NONE)
    void slotsOneByOneWithAnySeparatorsMeanTheSame(@ForAll("layouts") Layout layout, @ForAll long seed) {
        Random random = new Random(seed);
        List<String> separators = List.of(",", "+", " ", " , ", "  + ");
        StringBuilder spelled = new StringBuilder(" ");
        for (Slot slot : layout.slots()) {
            spelled.append(spelled.length() == 1 ? "" : separators.get(random.nextInt(separators.size())))
                    .append(slot.recipe().text())
                    .append(slot.gates().text());
        }
        if (!layout.ends().equals(Ends.BASE)) {
            spelled.append(separators.get(random.nextInt(separators.size())))
                    .append(layout.ends().text());
        }
        assertThat(parse(spelled.toString())).isEqualTo(layout);
    }

    @Property(tries = TRIES, edgeCases = EdgeCasesMode.NONE)
    void theOrderOfASumDoesNotMatter(@ForAll("donors") List<Recipe.Donor> donors, @ForAll long seed) {
        List<Recipe.Donor> shuffled = new ArrayList<>(donors);
        Collections.shuffle(shuffled, new Random(seed));
        List<LayerRef> layers = donors.stream().map(Recipe.Donor::layer).toList();
        List<LayerRef> shuffledLayers =
                shuffled.stream().map(Recipe.Donor::layer).toList();
        assertThat(canonical(() -> new Recipe.Linear(donors))).isEqualTo(canonical(() -> new Recipe.Linear(shuffled)));
        assertThat(canonical(() -> new Recipe.Average(layers)))
                .isEqualTo(canonical(() -> new Recipe.Average(shuffledLayers)));
        assertThat(canonical(() -> new Recipe.Task(LayerRef.of(3), donors)))
                .isEqualTo(canonical(() -> new Recipe.Task(LayerRef.of(3), shuffled)));
    }

    @Property(tries = TRIES, edgeCases = EdgeCasesMode.NONE)
    void whatStandsForARecipeStandsForItself(@ForAll("recipes") Recipe recipe) {
        Recipe once = new Slot(recipe).recipe();
        assertThat(once.canonical()).isEqualTo(once);
    }

    @Property(tries = 10_000, edgeCases = EdgeCasesMode.NONE)
    void scrapsOfLayoutsAreReadOrRefused(@ForAll("scraps") List<String> scraps) {
        assertReadOrRefused(String.join("", scraps));
    }

    @Property(tries = 10_000)
    void anyTextIsReadOrRefused(@ForAll String text) {
        assertReadOrRefused(text);
    }

    @Property(tries = 10_000, edgeCases = EdgeCasesMode.NONE)
    void aLayoutWithMistakesIsReadOrRefused(@ForAll("layouts") Layout layout, @ForAll long seed) {
        assertReadOrRefused(Mutations.of(layout.text(), new Random(seed)));
    }

    private static void assertReadOrRefused(String text) {
        long start = System.nanoTime();
        try {
            Layout layout = parse(text);
            assertThat(parse(layout.text())).isEqualTo(layout);
        } catch (SlayerException e) {
            assertThat(e.status()).isEqualTo(400);
            assertThat(e.getMessage()).hasSizeLessThan(700).matches("[ -~\u00d7\u25c7]+");
        }
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(30));
    }

    @Provide
    Arbitrary<List<String>> scraps() {
        return Arbitraries.of(Arrays.asList(
                        "0",
                        "7",
                        "31",
                        "99",
                        "0-7",
                        "-",
                        "-attn",
                        "-mlp",
                        "*",
                        "*0.5",
                        "*-1",
                        ".",
                        ",",
                        "+",
                        " ",
                        ":",
                        "(",
                        ")",
                        "avg(",
                        "avg0(7:8)",
                        "zero(7)",
                        "lerp(7:8:",
                        "0.3)",
                        "slerp(",
                        "linear(7*0.5:",
                        "task(",
                        "ties(7:math:7~0.2",
                        "dare(7:math:7~0.5:",
                        "seed42)",
                        "seed",
                        "~",
                        "other:",
                        "llama:7",
                        "head(math)",
                        "norm(other)",
                        "embedding(",
                        "head(",
                        "x",
                        "\u0000",
                        "99999999999999999999",
                        ";",
                        "=",
                        "@",
                        "|"))
                .list()
                .ofMaxSize(10);
    }

    @Provide
    Arbitrary<Layout> layouts() {
        Arbitrary<Slot> slots = Combinators.combine(recipes(), gates()).as(Slot::new);
        Arbitrary<List<Slot>> runs = Combinators.combine(
                        layers(),
                        Arbitraries.integers().between(1, 6),
                        Arbitraries.oneOf(Arbitraries.just(Gates.OPEN), gates()))
                .as(LayoutPropertiesTest::run);
        Arbitrary<List<Slot>> stacks = Arbitraries.oneOf(slots.map(List::of), runs)
                .list()
                .ofMinSize(1)
                .ofMaxSize(8)
                .map(parts -> parts.stream().flatMap(List::stream).toList());
        return Combinators.combine(stacks, ends()).as(Layout::new);
    }

    private static Arbitrary<Ends> ends() {
        Arbitrary<String> names = Arbitraries.of("", "", "math", "other", "org/code-7b.v1");
        return Combinators.combine(names, names, names).as(Ends::new);
    }

    private static List<Slot> run(LayerRef from, int count, Gates gates) {
        return IntStream.range(from.layer(), Math.min(from.layer() + count, 32))
                .mapToObj(layer -> new Slot(new Recipe.Plain(new LayerRef(from.checkpoint(), layer)), gates))
                .toList();
    }

    @Provide
    Arbitrary<Recipe> recipes() {
        Arbitrary<List<LayerRef>> several = layers().list().ofMinSize(2).ofMaxSize(5);
        Arbitrary<BigDecimal> shares = Arbitraries.oneOf(
                Arbitraries.of(new BigDecimal("0"), new BigDecimal("0.50"), BigDecimal.ONE), decimals("0", "1"));
        Arbitrary<Recipe> plain = layers().map(Recipe.Plain::new);
        return Arbitraries.<Recipe>oneOf(
                        plain,
                        layers().map(Recipe.Zero::new),
                        several.map(Recipe.Average::new),
                        several.map(Recipe.AverageZero::new),
                        Combinators.combine(layers(), layers(), shares).as(Recipe.Lerp::new),
                        Combinators.combine(layers(), layers(), shares).as(Recipe.Slerp::new),
                        donors().map(Recipe.Linear::new),
                        Combinators.combine(layers(), donors()).as(Recipe.Task::new),
                        Combinators.combine(layers(), sparseDonors()).as(Recipe.Ties::new),
                        Combinators.combine(
                                        layers(),
                                        sparseDonors(),
                                        Arbitraries.longs().between(0, Long.MAX_VALUE))
                                .as(Recipe.Dare::new))
                .filter(LayoutPropertiesTest::hasCanonical);
    }

    private static boolean hasCanonical(Recipe recipe) {
        return !canonical(() -> recipe).isEmpty();
    }

    /** Text of the canonical recipe; empty where its weights cancel out. */
    private static String canonical(Supplier<Recipe> recipe) {
        try {
            return recipe.get().canonical().text();
        } catch (IllegalArgumentException e) {
            return "";
        }
    }

    @Provide
    Arbitrary<List<Recipe.Donor>> donors() {
        return Combinators.combine(layers(), weights())
                .as((layer, weight) -> new Recipe.Donor(layer, weight, BigDecimal.ONE))
                .list()
                .ofMinSize(2)
                .ofMaxSize(4);
    }

    private Arbitrary<List<Recipe.Donor>> sparseDonors() {
        Arbitrary<BigDecimal> densities = Arbitraries.oneOf(Arbitraries.just(BigDecimal.ONE), decimals("0.001", "1"));
        return Combinators.combine(layers(), weights(), densities)
                .as(Recipe.Donor::new)
                .list()
                .ofMinSize(1)
                .ofMaxSize(4);
    }

    private static Arbitrary<BigDecimal> weights() {
        return Arbitraries.oneOf(
                Arbitraries.of("0", "1", "0.5", "0.25", "0.75", "-1").map(BigDecimal::new), decimals("-20", "20"));
    }

    private static Arbitrary<BigDecimal> decimals(String low, String high) {
        return Arbitraries.bigDecimals()
                .between(new BigDecimal(low), new BigDecimal(high))
                .ofScale(4);
    }

    private static Arbitrary<LayerRef> layers() {
        return Combinators.combine(
                        Arbitraries.frequencyOf(
                                Tuple.of(4, Arbitraries.just("")),
                                Tuple.of(1, Arbitraries.of("other", "math", "org/code-7b.v1"))),
                        Arbitraries.integers().between(0, 31))
                .as(LayerRef::new);
    }

    private static Arbitrary<Gates> gates() {
        return Combinators.combine(
                        Arbitraries.of(true, false),
                        Arbitraries.of(true, false),
                        Arbitraries.oneOf(Arbitraries.just(BigDecimal.ONE), decimals("-100", "100")))
                .as(Gates::new);
    }

    private static Layout parse(String text) {
        return Layout.parse(text, Shapes.LLAMA_2_7B, Shapes.NAMES);
    }
}
