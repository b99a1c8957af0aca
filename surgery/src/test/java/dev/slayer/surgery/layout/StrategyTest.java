package dev.slayer.surgery.layout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The published strategies; numbers of Llama 2 7B as in sections 3.3 and 4.1 and Tables 3 and 4 of the paper. */
class StrategyTest {
    private static final String SLAYER = "0-1,avg(1:2),2-3,avg(3:4),4-5,avg(5:6),6-7,avg(7:8),8-9,avg(9:10),10-11,"
            + "avg(11:12),12-13,avg(13:14),14-15,avg(15:16),16-28,avg(30:31)";

    @Test
    void slayerOfLlama2Is38LayersWithNineTrainedBlocksAndTheHead() {
        Expansion slayer = Shapes.expanded("preset=slayer");
        assertThat(slayer.layout().text()).isEqualTo(SLAYER);
        assertThat(slayer.trainable()).containsExactly(2, 5, 8, 11, 14, 17, 20, 23, 37);
        assertThat(slayer.trainsHead()).isTrue();
        LayoutTable table = LayoutTable.of(slayer, Shapes.LLAMA_2_7B);
        assertThat(table.rows()).hasSize(38);
        assertThat(table.parameters()).isEqualTo(7_952_715_776L);
        assertThat(table.trainableParameters()).isEqualTo(1_952_522_240L);
        assertThat(table.derivedBlocks()).hasSize(9);
        assertThat(table.derivedBytes(2)).isEqualTo(9 * 202_383_360L * 2);
    }

    @Test
    void llamaProOfLlama2Is40LayersWithEightTrainedBlocksAndTheHead() {
        Expansion pro = Shapes.expanded("preset=llama-pro;groups=8");
        assertThat(pro).isEqualTo(Shapes.expanded("preset=llama-pro"));
        assertThat(pro.layout().text())
                .isEqualTo("0-3,zero(3),4-7,zero(7),8-11,zero(11),12-15,zero(15),16-19,zero(19),20-23,zero(23),24-27,"
                        + "zero(27),28-31,zero(31)");
        LayoutTable table = LayoutTable.of(pro, Shapes.LLAMA_2_7B);
        assertThat(table.rows()).hasSize(40);
        assertThat(table.parameters()).isEqualTo(8_357_482_496L);
        assertThat(table.trainableParameters()).isEqualTo(1_750_138_880L);
        assertThat(table.derivedBlocks()).as("silent blocks cost no memory").isEmpty();
    }

    @Test
    void solarIsTheFirstAndTheLastThreeQuarters() {
        Expansion solar = Shapes.expanded("preset=solar");
        assertThat(solar.layout().text()).isEqualTo("0-23,8-31");
        assertThat(solar.trainable()).hasSize(48);
        assertThat(Shapes.expanded("preset=solar;delete=4").layout().text()).isEqualTo("0-27,4-31");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "final=avg-all | 16-28,avg(29:30:31)",
                "final=keep | 16-29",
                "final=avg-discarded | 16-28,avg(30:31)",
                "delete=1 | 16-29,31",
                "delete=3 | 16-27,avg(29:30:31)",
                "delete=0 | 16-31",
            })
    void theFinalBlockStandsForTheDeletedLayers(String options, String end) {
        assertThat(Shapes.expanded("preset=slayer;" + options).layout().text()).endsWith("avg(15:16)," + end);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "init=average | 0-1,avg(1:2),2-3,avg(3:4),4-5,avg(5:6),6-8,avg(10:11)",
                "init=average-zero | 0-1,avg0(1:2),2-3,avg0(3:4),4-5,avg0(5:6),6-8,avg(10:11)",
                "init=copy | 0-1,1-3,3-5,5-8,avg(10:11)",
                "init=zero | 0-1,zero(1),2-3,zero(3),4-5,zero(5),6-8,avg(10:11)",
                "groups=2 | 0-2,avg(2:3),3-5,avg(5:6),6-8,avg(10:11)",
                "group_size=3 | 0-2,avg(2:3),3-5,avg(5:6),6-8,avg(10:11)",
                "groups=1;group_size=4;delete=4 | 0-3,avg(3:4),4-6,avg(8:9:10:11)",
            })
    void slayerOfTwelveLayersFollowsItsOptions(String options, String layout) {
        ModelConfig twelve = Shapes.withLayers(Shapes.LLAMA_2_7B, 12);
        assertThat(Shapes.expanded(twelve, "preset=slayer;" + options).layout().text())
                .isEqualTo(layout);
    }

    @Test
    void llamaProSpacesItsBlocksEvenlyWhateverTheDepth() {
        ModelConfig twelve = Shapes.withLayers(Shapes.LLAMA_2_7B, 12);
        assertThat(Shapes.expanded(twelve, "preset=llama-pro").layout().text())
                .isEqualTo("0-3,zero(3),4-7,zero(7),8-11,zero(11)");
        assertThat(Shapes.expanded(twelve, "preset=llama-pro;groups=5").layout().text())
                .isEqualTo("0-1,zero(1),2-3,zero(3),4-6,zero(6),7-8,zero(8),9-11,zero(11)");
        assertThat(Shapes.expanded(twelve, "preset=llama-pro;group_size=5;init=average")
                        .layout()
                        .text())
                .isEqualTo("0-4,avg(4:5),5-9,avg(9:10),10-11");
        ModelConfig one = Shapes.withLayers(Shapes.LLAMA_2_7B, 1);
        assertThat(Shapes.expanded(one, "preset=llama-pro").layout().text()).isEqualTo("0,zero(0)");
        assertThat(Shapes.expanded(one, "preset=solar").layout().text()).isEqualTo("0,0");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "(4+1)x8; 40",
                "(2+1)x3|(4+1)x3|(7+1)x2; 40",
                "(2+1)x3|(7+1)x2|(4+1)x3; 40",
                "(4+1)x3|(2+1)x3|(7+1)x2; 40",
                "(4+1)x3|(7+1)x2|(2+1)x3; 40",
                "(7+1)x2|(4+1)x3|(2+1)x3; 40",
                "(7+1)x2|(2+1)x3|(4+1)x3; 40",
                "16|(2+1)x8; 40",
                "(2+1)x8|16; 40",
                "(2+1)x8|16\u25c7; 40",
                "(2+1)x6|17|1\u25c7; 36",
                "(2+1)x8|11|1\u25c7; 36",
                "(2+1)x8|12|1\u25c7; 37",
                "(2+1)x8|13|1\u25c7; 38",
            })
    void everyRowOfTable3HasItsNumberOfLayers(String pattern, int depth) {
        Expansion expansion = Shapes.expanded("pattern=" + pattern);
        assertThat(expansion.layout().depth()).isEqualTo(depth);
        long inserted = pattern.contains("x6") ? 6 : 8;
        assertThat(expansion.trainable()).hasSize((int) inserted + (pattern.contains("|1\u25c7") ? 1 : 0));
        assertThat(expansion.trainsHead()).isTrue();
    }

    @Test
    void rowsOfTable3SpelledOut() {
        assertThat(layout("(4+1)x8"))
                .isEqualTo("0-3,3-7,7-11,11-15,15-19,19-23,23-27,27-31,31")
                .isEqualTo(groups(4, 8));
        assertThat(layout("(2+1)x3|(4+1)x3|(7+1)x2")).isEqualTo("0-1,1-3,3-5,5-9,9-13,13-17,17-24,24-31,31");
        assertThat(layout("16|(2+1)x8")).isEqualTo("0-17,17-19,19-21,21-23,23-25,25-27,27-29,29-31,31");
        assertThat(layout("(2+1)x8|16")).isEqualTo("0-1,1-3,3-5,5-7,7-9,9-11,11-13,13-15,15-31");
        assertThat(layout("(2+1)x8|16\u25c7")).isEqualTo(SLAYER.replace("16-28,avg(30:31)", "16-31"));
        assertThat(layout("(2+1)x6|17|1\u25c7"))
                .isEqualTo("0-1,avg(1:2),2-3,avg(3:4),4-5,avg(5:6),6-7,avg(7:8),8-9,avg(9:10),10-11,avg(11:12),12-28,"
                        + "avg(30:31)");
        assertThat(layout("(2+1)x8|13|1")).isEqualTo(SLAYER);
        assertThat(layout("(2+1)x8|11|1")).isEqualTo(SLAYER.replace("16-28,avg(30:31)", "16-26,avg(28:29:30:31)"));
    }

    private static String groups(int size, int times) {
        String text = IntStream.range(0, times)
                .mapToObj(i -> i * size + "-" + (i * size + size - 1) + "," + (i * size + size - 1))
                .collect(Collectors.joining(","));
        return Shapes.canonical(text);
    }

    @Test
    void thePaperOwnPatternIsThePreset() {
        assertThat(Shapes.expanded("pattern=(2+1)x8|13|1")).isEqualTo(Shapes.expanded("preset=slayer"));
        assertThat(Shapes.expanded("pattern=(4+1)x8;init=zero")).isEqualTo(Shapes.expanded("preset=llama-pro"));
    }

    @ParameterizedTest
    @CsvSource({
        "(2 1)x8|13|1",
        "(2+1)*8|13|1",
        "(2+1)\u00d78|13|1",
        "( 2 + 1 ) x 8 | 13 | 1 \u25c7",
        "(2+1)X8|13|1\u25c7"
    })
    void patternsMayBeWrittenInTheseWays(String pattern) {
        assertThat(layout(pattern)).isEqualTo(SLAYER);
    }

    @Test
    void initAndFinalOverrideWhatThePatternSays() {
        assertThat(layout("(2+1)x8|13|1;init=copy;final=keep")).isEqualTo("0-1,1-3,3-5,5-7,7-9,9-11,11-13,13-15,15-29");
        assertThat(layout("(2+1)x8|16;init=average")).isEqualTo(layout("(2+1)x8|16\u25c7"));
        assertThat(layout("(2+2)x1|30")).isEqualTo("0-1,1,1-31");
        assertThat(layout("31|1")).isEqualTo("0-31");
        assertThat(Shapes.expanded("pattern=32").trainsHead()).isFalse();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "(2+1)x8|20; its segments take 36 layers, but this checkpoint has 32; take fewer",
                "(2+1)x8|12; its segments take 28 layers, but this checkpoint has 32; take the other 4",
                "(4+1)x8\u25c7; init=average after layer 31 needs a next layer, but 31 is the last one",
                "(4+1); expected 'x' and how often the group is repeated",
                "(4)x8; expected '+' and a number of inserted blocks",
                "(21)x8; expected '+' and a number of inserted blocks",
                "(0+1)x8; every number must be from 1 to 1024",
                "(1+999999999)x999999999; every number must be from 1 to 1024",
                "(1+1024)x32; more than 1024 slots",
                "16|; expected a segment such as (2+1)x8 or 16",
                "\u25c7; expected a segment",
                "32\u25c7\u25c7; expected '|' and a segment",
            })
    void aPatternThatCannotBeIsABadRequestThatNamesTheNumbers(String pattern, String part) {
        assertThatThrownBy(() -> layout(pattern))
                .isInstanceOfSatisfying(
                        SlayerException.class, e -> assertThat(e.status()).isEqualTo(400))
                .hasMessageContaining(part);
    }

    @Test
    void aTiedHeadIsTrainedAsTheEmbedding() {
        ModelConfig tied = Shapes.withTiedHead(Shapes.LLAMA_2_7B);
        LayoutTable table = LayoutTable.of(Shapes.expanded(tied, "preset=slayer"), tied);
        assertThat(table.parameters()).isEqualTo(7_952_715_776L - 32_000L * 4096);
        assertThat(table.trainableParameters()).isEqualTo(1_952_522_240L);
        assertThat(table.tiedHead()).isTrue();
    }

    @Test
    void theTableCountsDerivedBlocksOnceAndSilentOnesNot() {
        Expansion expansion = Shapes.expanded("avg(1:2),avg(2:1)*0.5,zero(3),avg(4:5)-attn-mlp,7,7");
        LayoutTable table = LayoutTable.of(expansion, Shapes.LLAMA_2_7B);
        assertThat(table.derivedBlocks()).containsExactly("avg(1:2)");
        assertThat(table.rows())
                .extracting(LayoutTable.Row::silent)
                .containsExactly(false, false, true, true, false, false);
        assertThat(table.rows().getFirst().layers()).containsExactly("1", "2");
        assertThat(table.trainableParameters()).isZero();
    }

    private static String layout(String pattern) {
        return Shapes.expanded("pattern=" + pattern).layout().text();
    }
}
