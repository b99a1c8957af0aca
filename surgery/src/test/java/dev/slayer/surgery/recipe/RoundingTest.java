package dev.slayer.surgery.recipe;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class RoundingTest {
    @Test
    void everyBfloat16RoundsToItself() {
        for (int bits = 0; bits < 1 << 16; bits++) {
            float value = Float.intBitsToFloat(bits << 16);
            float back = Float.intBitsToFloat(Rounding.toBfloat16(value) << 16);
            assertThat(Float.compare(back, value)).as("bits %x", bits).isZero();
        }
    }

    @Test
    void halvesGoToTheEvenNeighbour() {
        assertThat(Rounding.toBfloat16(Float.intBitsToFloat(0x3F80_8000))).isEqualTo((short) 0x3F80);
        assertThat(Rounding.toBfloat16(Float.intBitsToFloat(0x3F81_8000))).isEqualTo((short) 0x3F82);
        assertThat(Rounding.toBfloat16(Float.intBitsToFloat(0x3F80_8001))).isEqualTo((short) 0x3F81);
        assertThat(Rounding.toBfloat16(Float.intBitsToFloat(0xBF81_8000))).isEqualTo((short) 0xBF82);
    }

    @Test
    void tooLargeIsInfiniteAndNanStaysNan() {
        assertThat(Rounding.toBfloat16(Float.MAX_VALUE)).isEqualTo((short) 0x7F80);
        for (int nan : new int[] {0x7F80_0001, 0xFF80_0001, 0x7FFF_FFFF, 0xFFFF_FFFF}) {
            short rounded = Rounding.toBfloat16(Float.intBitsToFloat(nan));
            assertThat(Float.intBitsToFloat(rounded << 16)).as("%x", nan).isNaN();
        }
    }

    @Property
    void noBfloat16IsNearerThanTheOneChosen(@ForAll float value) {
        short chosen = Rounding.toBfloat16(value);
        float rounded = Float.intBitsToFloat(chosen << 16);
        if (!Float.isFinite(rounded)) {
            return;
        }
        BigDecimal distance = distance(value, rounded);
        for (int step : new int[] {-1, 1}) {
            float neighbour = Float.intBitsToFloat((chosen + step) << 16);
            if (Float.isFinite(neighbour)) {
                int order = distance.compareTo(distance(value, neighbour));
                assertThat(order < 0 || (order == 0 && (chosen & 1) == 0)).isTrue();
            }
        }
    }

    private static BigDecimal distance(float one, float other) {
        return new BigDecimal(one).subtract(new BigDecimal(other)).abs();
    }
}
