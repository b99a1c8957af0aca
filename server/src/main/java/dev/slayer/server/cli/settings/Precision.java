package dev.slayer.server.cli.settings;

/** How weights lie in memory. */
public enum Precision {
    /** 32-bit floating point: exact. */
    FP32,
    /** As bfloat16; on GPUs. */
    BF16,
    /** As float16; on GPUs. */
    FP16,
    /** 8-bit integers in groups of 32 with one scale each. */
    INT8,
    /** 4-bit integers in groups of 32 with one scale each. */
    INT4
}
