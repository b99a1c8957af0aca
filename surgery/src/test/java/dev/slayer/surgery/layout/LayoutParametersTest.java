package dev.slayer.surgery.layout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.surgery.SlayerException;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LayoutParametersTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "0-29 | 0-29",
                "layers=0-23,8-31 | 0-23,8-31",
                "remove=3,7-9 | 0-2,4-6,10-31",
                "remove=30+31 | 0-29",
                "remove=30 31 | 0-29",
                "remove=3-5,4 | 0-2,6-31",
                "insert=5:copy | 0-5,5-31",
                "insert=5:average | 0-5,avg(5:6),6-31",
                "insert=5:zero,9:average-zero | 0-5,zero(5),6-9,avg0(9:10),10-31",
                "insert=5-6:zero | 0-5,zero(5),6,zero(6),7-31",
                "insert=5:zero,5:copy | 0-5,zero(5),5-31",
                "insert=31:copy | 0-31,31",
                "skip=attn:5,mlp:7-9 | 0-4,5-attn,6,7-9-mlp,10-31",
                "skip=attn:5,mlp:5 | 0-4,5-attn-mlp,6-31",
                "scale=5:0.5,7-8:-1 | 0-4,5*0.5,6,7-8*-1,9-31",
                "scale=5:0 | 0-4,5-attn-mlp,6-31",
                // insert first, then remove, then gates, whatever the order
                "remove=5;insert=5:average | 0-4,avg(5:6),6-31",
                "remove=5;insert=5:copy | 0-31",
                "scale=5:0.5;remove=6;insert=5:copy | 0-4,5*0.5,5*0.5,7-31",
                // edits of a whole layout mean the slots that hold a layer plainly
                "layers=0-3,2-5,avg(2:3);remove=3 | 0-2,2,4-5,avg(2:3)",
                "layers=0-3,2-5;insert=2:zero | 0-3,2,zero(2),3-5",
                "layers=0-3,other:2;remove=2 | 0-1,3,other:2",
                "0-3;skip=mlp:1 | 0,1-mlp,2-3",
                "preset=solar;delete=30;scale=31:0.5 | 0-1,30,31*0.5",
                "layers=0-3,head(math);remove=3;insert=0:copy | 0,0-2,head(math)",
            })
    void parametersMeanThisLayout(String parameters, String layout) {
        Expansion expansion = Shapes.expanded(parameters);
        assertThat(expansion.layout().text()).isEqualTo(layout);
        assertThat(expansion.layout()).isEqualTo(Layout.parse(layout, Shapes.LLAMA_2_7B, Shapes.NAMES));
    }

    @Test
    void editsOfAVariantStartFromItsOwnLayout() {
        Layout start = Layout.parse("0-9,avg(9:10),20-31", Shapes.LLAMA_2_7B, Namespace.BASE_ONLY);
        assertThat(from(start, "remove=31;insert=9:zero;scale=0:2")).isEqualTo("0*2,1-9,zero(9),avg(9:10),20-30");
        assertThat(from(start, "layers=0-3")).isEqualTo("0-3");
        assertThatThrownBy(() -> from(start, "remove=15"))
                .hasMessage("remove=15: no slot of this stack is layer 15; the stack is 0-9,avg(9:10),20-31"
                        + " (character 1)");
        assertThatThrownBy(() -> from(start, "preset=slayer"))
                .hasMessageContaining("edited already (0-9,avg(9:10),20-31); name its checkpoint");
    }

    private static String from(Layout start, String parameters) {
        return LayoutParameters.parse(parameters)
                .expand(Shapes.LLAMA_2_7B, start, Namespace.BASE_ONLY)
                .layout()
                .text();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "remove=32 | remove=32: layer 32 does not exist, this checkpoint has 0-31",
                "remove=0-31 | no layer would be left; keep at least one",
                "layers=avg(1:2);remove=1 | no slot of this stack is layer 1",
                "insert=31:average | average after layer 31 needs a next layer, but 31 is the last one; use copy or zero",
                "insert=5:mean | expected one of average, average-zero, copy, zero",
                "insert=5 | expected ':' and what to insert after layer 5",
                "remove=5;skip=attn:5 | skip=attn:5: no slot of this stack is layer 5",
                "remove=5;scale=5:2 | no slot of this stack is layer 5",
                "skip=5 | expected attn: or mlp: and a layer",
                "skip=attn:5,6 | expected attn: or mlp: and a layer",
                "scale=5:0.5,5:0.6 | layer 5 has a scale already",
                "scale=5:1000 | scale is 1000, but must be a decimal from -100 to 100",
                "insert=0-31:copy;layers=" + "0-31," + "0-31 | -",
                "remov=3 | parameter 'remov' is unknown; a layout is named by layers, preset, pattern, groups,",
                "remove=3;remove=4 | parameter 'remove' is given twice",
                "0-3;layers=0-4 | parameter 'layers' is given twice",
                "remove= | remove= is empty",
                "remove=3; | has an empty part",
                "layers=0-3;preset=slayer | layers= and preset= each name a whole layout; give one of them",
                "preset=slayr | 'slayr' is unknown; there are slayer, llama-pro, solar",
                "groups=3 | groups= belongs to a preset; name one by preset=",
                "pattern=32;groups=3 | groups= belongs to a preset, not to a pattern",
                "preset=solar;groups=3 | groups= does not belong to preset=solar, which takes delete",
                "preset=slayer;groups=0 | must be a whole number from 1 to 32",
                "preset=slayer;groups=17;group_size=2 | 17 groups of 2 layers do not fit",
                "preset=slayer;init=mean | 'mean' is unknown; there are average, average-zero, copy, zero",
                "preset=slayer;delete=0;final=keep | there is a final block only where layers are deleted",
                "preset=slayer;final=mean | there are avg-discarded, avg-all, keep",
                "preset=llama-pro;init=average | init=average after layer 31 needs a next layer",
            })
    void aMistakeIsABadRequestWithARemedy(String parameters, String part) {
        if (part.equals("-")) {
            assertThat(Shapes.expanded(parameters).layout().depth()).isEqualTo(96);
            return;
        }
        assertThatThrownBy(() -> Shapes.expanded(parameters))
                .isInstanceOfSatisfying(
                        SlayerException.class, e -> assertThat(e.status()).isEqualTo(400))
                .hasMessageContaining(part);
    }

    @Test
    void insertionsStopAtTheMostSlots() {
        assertThatThrownBy(() -> Shapes.expanded("insert=" + "0-31:zero,".repeat(40) + "0:zero"))
                .hasMessageContaining("exceeds 1024 slots");
    }

    @Test
    void textIsReadAsTheSameParameters() {
        LayoutParameters parameters = LayoutParameters.of(Map.of("skip", "attn:5", "remove", "3"));
        assertThat(parameters.text()).isEqualTo("remove=3;skip=attn:5");
        assertThat(LayoutParameters.parse(parameters.text())).isEqualTo(parameters);
        assertThat(parameters.isEmpty()).isFalse();
        assertThat(LayoutParameters.NONE.isEmpty()).isTrue();
        assertThat(LayoutParameters.NONE.text()).isEmpty();
        Layout start = Layout.identity(32);
        assertThat(LayoutParameters.NONE.expand(Shapes.LLAMA_2_7B, start, Namespace.BASE_ONLY))
                .isEqualTo(Expansion.of(start));
    }

    @Test
    void everyNameOfTheDesignIsKnown() {
        assertThat(LayoutParameters.names())
                .containsExactly(
                        "layers",
                        "preset",
                        "pattern",
                        "groups",
                        "group_size",
                        "delete",
                        "init",
                        "final",
                        "insert",
                        "remove",
                        "skip",
                        "scale");
    }

    @Test
    void anUnknownNameInAQueryIsRefused() {
        assertThatThrownBy(() -> LayoutParameters.of(Map.of("\u001b", "3")))
                .hasMessageStartingWith("parameter '\\u001b' is unknown");
    }
}
