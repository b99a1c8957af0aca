package dev.slayer.server.cli.suite;

/**
 * Work that a model cannot do without.
 *
 * @param bytes that must be read from the device's memory
 * @param operations in floating point
 */
record Cost(double bytes, double operations) {
    Cost plus(Cost other) {
        return new Cost(bytes + other.bytes, operations + other.operations);
    }
}
