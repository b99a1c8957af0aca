package dev.slayer.server.cli.suite;

import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What the project wants of a figure.
 *
 * @param measure what of the figure it is about
 * @param atLeast whether more is better
 * @param bound the number
 */
public record Target(Measure measure, boolean atLeast, double bound) {
    /** What of a figure is compared. */
    public enum Measure {
        /** The value. */
        VALUE,
        /** Its share of the limit. */
        FRACTION
    }

    static Target share(double least) {
        return new Target(Measure.FRACTION, true, least);
    }

    static Target least(double value) {
        return new Target(Measure.VALUE, true, value);
    }

    static Target most(double value) {
        return new Target(Measure.VALUE, false, value);
    }

    /** Empty where the figure has no such number. */
    Optional<Boolean> met(Figure figure) {
        OptionalDouble number = switch (measure) {
            case VALUE -> figure.value();
            case FRACTION -> figure.fraction();
        };
        if (number.isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(atLeast ? number.getAsDouble() >= bound : number.getAsDouble() <= bound);
    }

    /** As tables write it: {@code >= 0.80 of limit}. */
    public String text() {
        String number = bound >= 1000
                ? String.format(Locale.ROOT, "%,.0f", bound)
                : String.valueOf(bound).replaceFirst("\\.0$", "");
        return (atLeast ? ">= " : "<= ") + number + (measure == Measure.FRACTION ? " of limit" : "");
    }
}
