package dev.slayer.server.cli.settings;

/** How weights lie in memory. */
public enum Precision {
    /** 32-bit floating point: exact. */
    FP32,
    /** 8-bit integers in groups of 32 with one scale each. */
    INT8,
    /** 4-bit integers in groups of 32 with one scale each. */
    INT4
}
