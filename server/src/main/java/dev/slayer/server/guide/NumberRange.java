package dev.slayer.server.guide;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.lucene.util.automaton.Automata;
import org.apache.lucene.util.automaton.Automaton;
import org.apache.lucene.util.automaton.Operations;

/**
 * Decimal numbers between two bounds, without exponent: at most {@value #DIGITS} digits before the point and as many behind it.
 * Digits are compared with those of the bounds from the left for as long as all were equal.
 */
final class NumberRange {
    private static final int DIGITS = 16;

    /**
     * A bound.
     *
     * @param value not negative, with at most 16 digits behind the point
     * @param open whether the bound itself is outside
     */
    private record Bound(BigDecimal value, boolean open) {
        Bound negated() {
            return new Bound(value.negate(), open);
        }
    }

    private final boolean whole;
    private final Automaton.Builder states = new Automaton.Builder();
    private final Map<List<Object>, Integer> known = new HashMap<>();
    private final int length;
    private final Bound low;
    private final Bound high;
    private final String lowDigits;
    private final String highDigits;

    private NumberRange(boolean whole, int length, Bound low, Bound high) {
        this.whole = whole;
        this.length = length;
        this.low = low;
        this.high = high;
        this.lowDigits = digits(low.value, length);
        this.highDigits = digits(high.value, length);
    }

    /**
     * Texts of the numbers in a range.
     *
     * @param whole only integers
     * @param low null for none
     * @param high null for none
     */
    static Automaton of(boolean whole, BigDecimal low, boolean lowOpen, BigDecimal high, boolean highOpen) {
        BigDecimal most = BigDecimal.TEN.pow(DIGITS);
        Bound from = low == null || low.compareTo(most.negate()) < 0
                ? new Bound(most.negate(), true)
                : new Bound(low, lowOpen);
        Bound to = high == null || high.compareTo(most) > 0 ? new Bound(most, true) : new Bound(high, highOpen);
        List<Automaton> parts = new ArrayList<>(magnitudes(whole, nonNegative(from), to));
        Bound zero = new Bound(BigDecimal.ZERO, true); // minus zero is left out
        Bound least = to.value.signum() < 0 ? to.negated() : zero;
        for (Automaton magnitude : magnitudes(whole, least, from.negated())) {
            parts.add(Operations.concatenate(List.of(Automata.makeChar('-'), magnitude)));
        }
        return Operations.union(parts);
    }

    private static Bound nonNegative(Bound bound) {
        return bound.value.signum() < 0 ? new Bound(BigDecimal.ZERO, false) : bound;
    }

    /** One automaton for each number of digits before the point. */
    private static List<Automaton> magnitudes(boolean whole, Bound from, Bound to) {
        List<Automaton> found = new ArrayList<>();
        for (int length = 1; length <= DIGITS; length++) {
            Bound least = new Bound(length == 1 ? BigDecimal.ZERO : BigDecimal.TEN.pow(length - 1), false);
            Bound most = new Bound(BigDecimal.TEN.pow(length), true);
            Bound low = from.value.compareTo(least.value) >= 0 ? from : least;
            Bound high = to.value.compareTo(most.value) < 0 ? to : most;
            int order = low.value.compareTo(high.value);
            if (order < 0 || (order == 0 && !low.open && !high.open)) {
                found.add(new NumberRange(whole, length, low, high).built());
            }
        }
        return found;
    }

    private Automaton built() {
        // A bound of 10^length has one digit more than the numbers here: it does not bind.
        state(0, true, highDigits.length() == length + DIGITS);
        return Operations.removeDeadStates(states.finish());
    }

    /** The state behind so many digits, of which all were those of the lower, or of the upper, bound. */
    private int state(int at, boolean low, boolean high) {
        List<Object> key = List.of(at, low, high);
        Integer found = known.get(key);
        if (found != null) {
            return found;
        }
        int state = states.createState();
        known.put(key, state);
        states.setAccept(state, at >= length && above(at, low) && below(at, high));
        if (at == length && !whole) {
            int point = states.createState();
            states.addTransition(state, point, '.');
            digit(point, at, low, high);
        } else if (at < (whole ? length : length + DIGITS)) {
            digit(state, at, low, high);
        }
        return state;
    }

    private void digit(int state, int at, boolean low, boolean high) {
        char least = low ? lowDigits.charAt(at) : '0';
        char most = high ? highDigits.charAt(at) : '9';
        for (char digit = least; digit <= most; digit++) {
            states.addTransition(state, state(at + 1, low && digit == least, high && digit == most), digit);
        }
    }

    /** Whether the digits so far, if they end here, are inside the lower bound. */
    private boolean above(int at, boolean equal) {
        return !equal || (zeros(lowDigits, at) && !low.open);
    }

    private boolean below(int at, boolean equal) {
        return !equal || !zeros(highDigits, at) || !high.open;
    }

    private static boolean zeros(String digits, int from) {
        return digits.chars().skip(from).allMatch(digit -> digit == '0');
    }

    /** Digits before the point, as many as the numbers here have, and {@value #DIGITS} behind it. */
    private static String digits(BigDecimal value, int length) {
        String digits = value.movePointRight(DIGITS).toBigIntegerExact().toString();
        return "0".repeat(Math.max(0, length + DIGITS - digits.length())) + digits;
    }
}
