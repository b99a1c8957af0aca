package dev.slayer.surgery.layout;

import java.math.BigDecimal;
import java.math.RoundingMode;

/** The decimals of layouts: exact, and short enough that a text stays a text. */
final class Decimals {
    /** Of the fraction; a float32 has no more. */
    static final int MAX_FRACTION_DIGITS = 9;

    /** Largest absolute value of a scale or a weight. */
    static final BigDecimal LIMIT = BigDecimal.valueOf(100);

    private Decimals() {}

    /** A scale or weight without trailing zeros. */
    static BigDecimal factor(String what, BigDecimal value) {
        return within(what, value, LIMIT.negate(), LIMIT);
    }

    /** A place between two layers without trailing zeros. */
    static BigDecimal share(String what, BigDecimal value) {
        return within(what, value, BigDecimal.ZERO, BigDecimal.ONE);
    }

    static boolean isOne(BigDecimal value) {
        return value.compareTo(BigDecimal.ONE) == 0;
    }

    /** Canonical text. */
    static String text(BigDecimal value) {
        return value.toPlainString();
    }

    /** Whether part / whole can be written exactly. */
    static boolean divides(int part, int whole) {
        BigDecimal quotient = quotient(part, whole);
        return quotient.multiply(BigDecimal.valueOf(whole)).compareTo(BigDecimal.valueOf(part)) == 0;
    }

    /** part / whole, cut to what can be written. */
    static BigDecimal quotient(int part, int whole) {
        return BigDecimal.valueOf(part)
                .divide(BigDecimal.valueOf(whole), MAX_FRACTION_DIGITS, RoundingMode.DOWN)
                .stripTrailingZeros();
    }

    private static BigDecimal within(String what, BigDecimal value, BigDecimal low, BigDecimal high) {
        BigDecimal stripped = value.stripTrailingZeros();
        if (stripped.scale() > MAX_FRACTION_DIGITS || stripped.compareTo(low) < 0 || stripped.compareTo(high) > 0) {
            String shown = stripped.precision() + Math.abs((long) stripped.scale()) > 40
                    ? "a decimal of " + stripped.precision() + " digits"
                    : text(stripped);
            throw new IllegalArgumentException(what + " is " + shown + ", but must be a decimal from " + text(low)
                    + " to " + text(high) + " with at most " + MAX_FRACTION_DIGITS + " digits after the point");
        }
        return stripped;
    }
}
