package dev.slayer.server.cli.suite;

import java.util.Optional;
import java.util.OptionalDouble;

/**
 * One thing that was measured, or the reason why it was not.
 *
 * @param part which measured it
 * @param shape of the model; empty where there is none
 * @param name what it is
 * @param value the figure; empty if there is none
 * @param unit of the value and the limit
 * @param limit what physics allows on this device, by the copies and products measured there
 * @param target what the project wants
 * @param note how it came about: lengths, what was left out for time; or why there is none
 * @param kind whether there is one
 */
public record Figure(
        String part,
        String shape,
        String name,
        OptionalDouble value,
        String unit,
        OptionalDouble limit,
        Optional<Target> target,
        String note,
        Kind kind) {
    /** Whether a figure was measured. */
    public enum Kind {
        /** It was. */
        MEASURED,
        /** It could not be on this machine, which lacks something optional. */
        ABSENT,
        /** Something went wrong. */
        FAILED
    }

    /** Measured. */
    static Figure of(String part, String shape, String name, double value, String unit, String note) {
        Kind kind = Double.isFinite(value) ? Kind.MEASURED : Kind.FAILED;
        return new Figure(
                part,
                shape,
                name,
                OptionalDouble.of(value),
                unit,
                OptionalDouble.empty(),
                Optional.empty(),
                note,
                kind);
    }

    /** Not measured, since something went wrong. */
    static Figure failed(String part, String shape, String reason) {
        return none(part, shape, reason, Kind.FAILED);
    }

    /** Not measured, since this machine lacks something that need not be there. */
    static Figure absent(String part, String shape, String reason) {
        return none(part, shape, reason, Kind.ABSENT);
    }

    private static Figure none(String part, String shape, String reason, Kind kind) {
        return new Figure(
                part, shape, part, OptionalDouble.empty(), "", OptionalDouble.empty(), Optional.empty(), reason, kind);
    }

    /** This beside what physics allows, in the same unit. */
    Figure within(double most) {
        return new Figure(part, shape, name, value, unit, OptionalDouble.of(most), target, note, kind);
    }

    /** This beside what the project wants, if it wants anything of it. */
    Figure aiming(Optional<Target> wanted) {
        return new Figure(part, shape, name, value, unit, limit, wanted, note, kind);
    }

    /** This, saying more. */
    Figure noting(String more) {
        String both = note.isEmpty() || more.isEmpty() ? note + more : note + "; " + more;
        return new Figure(part, shape, name, value, unit, limit, target, both, kind);
    }

    /** The value as a share of the limit. */
    public OptionalDouble fraction() {
        return value.isPresent() && limit.isPresent()
                ? OptionalDouble.of(value.getAsDouble() / limit.getAsDouble())
                : OptionalDouble.empty();
    }

    /** Whether the target is met; empty where there is none, or no figure. */
    public Optional<Boolean> met() {
        return kind == Kind.MEASURED ? target.flatMap(wanted -> wanted.met(this)) : Optional.empty();
    }
}
