package dev.slayer.server.cli.settings;

/** How keys and values lie in memory. */
public enum KvPrecision {
    /** As they are computed. */
    AUTO,
    /** As 8-bit floating point with 4 bits of exponent and 3 of mantissa. */
    FP8,
    /** As 8-bit integers, with scales for each channel of each block that are found out when it is made. */
    INT8
}
