package dev.slayer.server.engine.packed;

import dev.slayer.server.onnx.ElementType;

/** How keys and values lie in a device's memory. */
public enum KvPrecision {
    /** As they are computed. */
    AUTO,
    /** As 8-bit floating point with 4 bits of exponent and 3 of mantissa. */
    FP8,
    /** As 8-bit integers, with scales for each channel of each block that are found out when it is made. */
    INT8;

    /** Whether they are smaller than they are computed. */
    public boolean quantizes() {
        return this != AUTO;
    }

    ElementType of(ElementType computed) {
        return switch (this) {
            case AUTO -> computed;
            case FP8 -> ElementType.FLOAT8E4M3FN;
            case INT8 -> ElementType.INT8;
        };
    }
}
