package dev.slayer.surgery.layout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LayoutTest {
    private static Layout of(int... layers) {
        return new Layout(IntStream.of(layers)
                .mapToObj(layer -> new Slot(new Recipe.Plain(layer)))
                .toList());
    }

    @Test
    void theIdentityIsEveryLayerOnce() {
        assertThat(Layout.identity(12).text()).isEqualTo("0-11");
        assertThat(Layout.identity(12).depth()).isEqualTo(12);
        assertThat(Layout.identity(1).text()).isEqualTo("0");
    }

    @Test
    void ascendingRunsAreWrittenAsRanges() {
        assertThat(of(0, 1, 2, 7, 8, 5).text()).isEqualTo("0-2,7-8,5");
        assertThat(of(0, 1, 2, 3, 2, 3).text()).isEqualTo("0-3,2-3");
    }

    @Test
    void repeatedAndDescendingLayersAreNoRange() {
        assertThat(of(4, 4, 3, 2).text()).isEqualTo("4,4,3,2");
    }

    @Test
    void layoutsAreEqualExactlyWhenTheirTextsAre() {
        assertThat(of(0, 1, 2)).isEqualTo(Layout.identity(3)).hasSameHashCodeAs(Layout.identity(3));
        assertThat(of(0, 2, 1)).isNotEqualTo(Layout.identity(3));
        assertThat(of(0, 2, 1).text()).isNotEqualTo(Layout.identity(3).text());
    }

    @Test
    void anEmptyStackAndANegativeLayerAreRefused() {
        assertThatThrownBy(() -> new Layout(List.of()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("at least one slot");
        assertThatThrownBy(() -> new Recipe.Plain(-1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("layer=-1");
    }

    @Test
    void aLayoutKeepsItsOwnListOfSlots() {
        List<Slot> slots = new ArrayList<>(Layout.identity(3).slots());
        Layout layout = new Layout(slots);
        slots.clear();
        assertThat(layout.depth()).isEqualTo(3);
    }
}
