package dev.slayer.server.onnx;

/** Numbers of 8 bits: a sign, 4 bits of exponent with bias 7, 3 of mantissa; no infinity, and 0x7f is no number (E4M3FN). */
final class Fp8 {
    private static final float[] VALUES = new float[128];

    static {
        for (int code = 0; code < VALUES.length; code++) {
            int exponent = code >> 3;
            int mantissa = code & 7;
            VALUES[code] =
                    exponent == 0 ? Math.scalb((float) mantissa, -9) : Math.scalb(1 + mantissa / 8f, exponent - 7);
        }
        VALUES[127] = Float.NaN;
    }

    private Fp8() {}

    static float toFloat(byte code) {
        float value = VALUES[code & 0x7f];
        return code < 0 ? -value : value;
    }

    /** The nearest; what is too large becomes the largest, 448. */
    static byte of(float value) {
        float size = Math.min(Math.abs(value), VALUES[126]);
        int low = 0;
        int high = 126;
        while (low < high) {
            int middle = (low + high + 1) / 2;
            if (VALUES[middle] <= size) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        if (low < 126) {
            float below = size - VALUES[low];
            float above = VALUES[low + 1] - size;
            low += above < below || (above == below && low % 2 == 1) ? 1 : 0;
        }
        return (byte) (value < 0 ? low | 0x80 : low);
    }
}
