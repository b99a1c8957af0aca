package dev.slayer.server.guide;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.BigRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Scale;
import org.apache.lucene.util.automaton.Automaton;
import org.apache.lucene.util.automaton.Operations;
import org.junit.jupiter.api.Test;

class NumberRangeTest {
    private static boolean accepts(Automaton range, String number) {
        return Operations.run(Automatons.deterministic(range), number);
    }

    @Property(tries = 500)
    void holdsExactlyTheIntegersOfTheRange(
            @ForAll @IntRange(min = -1200, max = 1200) int low,
            @ForAll @IntRange(min = -1200, max = 1200) int high,
            @ForAll boolean lowOpen,
            @ForAll boolean highOpen) {
        Automaton range = Automatons.deterministic(
                NumberRange.of(true, BigDecimal.valueOf(low), lowOpen, BigDecimal.valueOf(high), highOpen));
        for (int number : new int[] {low - 1, low, low + 1, high - 1, high, high + 1, 0, (low + high) / 2, -low, 7}) {
            boolean inside = (lowOpen ? number > low : number >= low) && (highOpen ? number < high : number <= high);
            assertThat(Operations.run(range, Integer.toString(number)))
                    .as(number + " in " + low + ".." + high)
                    .isEqualTo(inside);
        }
    }

    @Property(tries = 500)
    void holdsExactlyTheDecimalsOfTheRange(
            @ForAll @BigRange(min = "-30", max = "30") @Scale(3) BigDecimal low,
            @ForAll @BigRange(min = "-30", max = "30") @Scale(3) BigDecimal high,
            @ForAll @BigRange(min = "-31", max = "31") @Scale(4) BigDecimal number,
            @ForAll boolean open) {
        Automaton range = NumberRange.of(false, low, open, high, open);
        for (BigDecimal one : new BigDecimal[] {number, low, high}) {
            int toLow = one.compareTo(low);
            int toHigh = one.compareTo(high);
            boolean inside = open ? toLow > 0 && toHigh < 0 : toLow >= 0 && toHigh <= 0;
            assertThat(accepts(range, one.toPlainString()))
                    .as(one + " in " + low + ".." + high)
                    .isEqualTo(inside);
        }
    }

    @Test
    void leadingZerosMinusZeroAndExponentsAreNoSpellings() {
        Automaton range = NumberRange.of(false, BigDecimal.valueOf(-5), false, null, false);
        for (String spelling : new String[] {"007", "-0", "1e3", "1.", ".5", "+1", "-", ""}) {
            assertThat(accepts(range, spelling)).as(spelling).isFalse();
        }
        assertThat(accepts(range, "0")).isTrue();
        assertThat(accepts(range, "-0.5")).isTrue();
        assertThat(accepts(range, "9999999999999999.25")).isTrue();
    }

    @Test
    void anEmptyRangeHoldsNothing() {
        assertThat(Operations.isEmpty(NumberRange.of(true, BigDecimal.ONE, true, BigDecimal.TWO, true)))
                .isTrue();
        assertThat(Operations.isEmpty(NumberRange.of(false, BigDecimal.TWO, false, BigDecimal.ONE, false)))
                .isTrue();
    }
}
