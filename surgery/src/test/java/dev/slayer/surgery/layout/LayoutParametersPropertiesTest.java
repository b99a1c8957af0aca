package dev.slayer.surgery.layout;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.surgery.SlayerException;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

class LayoutParametersPropertiesTest {
    @Property(tries = 300, edgeCases = EdgeCasesMode.NONE)
    void removingLayersIsListingTheOthers(@ForAll @Size(min = 1, max = 31) Set<@IntRange(max = 31) Integer> gone) {
        String removed = gone.stream().map(String::valueOf).collect(Collectors.joining(","));
        String others = IntStream.range(0, 32)
                .filter(layer -> !gone.contains(layer))
                .mapToObj(String::valueOf)
                .collect(Collectors.joining(","));
        assertThat(text("remove=" + removed)).isEqualTo(Shapes.canonical(others));
    }

    @Property(tries = 300, edgeCases = EdgeCasesMode.NONE)
    void insertingIsListingTheBlocks(
            @ForAll @IntRange(max = 30) int after,
            @ForAll("inits") Init init,
            @ForAll @IntRange(max = 31) int scaled,
            @ForAll @IntRange(max = 31) int skipped) {
        String block = switch (init) {
            case AVERAGE -> "avg(" + after + ":" + (after + 1) + ")";
            case AVERAGE_ZERO -> "avg0(" + after + ":" + (after + 1) + ")";
            case COPY -> gated(after, scaled, skipped);
            case ZERO -> "zero(" + after + ")";
        };
        String spelled = IntStream.range(0, 32)
                .mapToObj(layer -> gated(layer, scaled, skipped) + (layer == after ? "," + block : ""))
                .collect(Collectors.joining(","));
        assertThat(text("scale=" + scaled + ":0.5;skip=mlp:" + skipped + ";insert=" + after + ":" + init.text()))
                .isEqualTo(Shapes.canonical(spelled));
    }

    private static String gated(int layer, int scaled, int skipped) {
        return layer + (layer == skipped ? "-mlp" : "") + (layer == scaled ? "*0.5" : "");
    }

    @Provide
    Arbitrary<Init> inits() {
        return Arbitraries.of(Init.class);
    }

    @Property(tries = 300, edgeCases = EdgeCasesMode.NONE)
    void presetsFitEveryDepthOrSayWhyNot(
            @ForAll @IntRange(min = 1, max = 100) int layers, @ForAll("presets") String preset) {
        try {
            Expansion expansion = Shapes.expanded(Shapes.withLayers(Shapes.LLAMA_2_7B, layers), preset);
            assertThat(expansion.trainable()).isNotEmpty();
        } catch (SlayerException e) {
            assertThat(e.status()).isEqualTo(400);
            assertThat(layers).as(e.getMessage()).isLessThan(5);
        }
    }

    @Provide
    Arbitrary<String> presets() {
        return Arbitraries.of(
                "preset=slayer",
                "preset=slayer;init=copy;final=keep",
                "preset=llama-pro",
                "preset=llama-pro;init=copy",
                "preset=solar");
    }

    @Property(tries = 10_000, edgeCases = EdgeCasesMode.NONE)
    void scrapsOfParametersAreReadOrRefused(@ForAll("scraps") List<String> scraps) {
        assertReadOrRefused(String.join("", scraps));
    }

    @Property(tries = 5_000)
    void anyTextIsReadOrRefused(@ForAll String text) {
        assertReadOrRefused(text);
    }

    @Property(tries = 10_000, edgeCases = EdgeCasesMode.NONE)
    void parametersWithMistakesAreReadOrRefused(@ForAll("right") String text, @ForAll long seed) {
        assertReadOrRefused(Mutations.of(text, new Random(seed)));
    }

    @Provide
    Arbitrary<String> right() {
        return Arbitraries.of(
                "remove=30,31;skip=attn:5",
                "insert=5:copy,9-11:average;scale=5:0.5",
                "preset=slayer;groups=4;group_size=3;delete=4;final=avg-all;init=zero",
                "preset=llama-pro;groups=8;init=copy",
                "pattern=(2+1)x3|(4+1)x3|(7+1)x2",
                "pattern=(2+1)x8|13|1\u25c7;init=copy",
                "layers=0-7,avg(7:8),8-29*0.5;skip=mlp:7-9");
    }

    @Provide
    Arbitrary<List<String>> scraps() {
        return Arbitraries.of(Arrays.asList(
                        "remove=",
                        "insert=",
                        "layers=",
                        "skip=",
                        "scale=",
                        "preset=",
                        "pattern=",
                        "groups=",
                        "delete=",
                        "init=",
                        "final=",
                        "slayer",
                        "llama-pro",
                        "solar",
                        "average",
                        "copy",
                        "keep",
                        "attn:",
                        "mlp:",
                        "5",
                        "30-31",
                        "0-31",
                        "99",
                        "5:copy",
                        "5:0.5",
                        "(2+1)x8",
                        "|13|1",
                        "|",
                        "(",
                        ")",
                        "x",
                        ";",
                        ",",
                        ":",
                        " ",
                        "=",
                        "\u25c7",
                        "-",
                        "999999999999",
                        "\u0000"))
                .list()
                .ofMaxSize(10);
    }

    private static void assertReadOrRefused(String text) {
        try {
            Expansion expansion = Shapes.expanded(text);
            assertThat(Shapes.canonical(expansion.layout().text()))
                    .isEqualTo(expansion.layout().text());
        } catch (SlayerException e) {
            assertThat(e.status()).isEqualTo(400);
            assertThat(e.getMessage()).hasSizeLessThan(900).matches("[ -~\u00d7\u25c7]+");
        }
    }

    private static String text(String parameters) {
        return Shapes.expanded(parameters).layout().text();
    }
}
