package dev.slayer.server.engine.block;

/** How a block's matrices are kept in device memory. Norms and embeddings are never quantized. */
public enum WeightType {
    /** As float32. */
    FP32(32),
    /** As bfloat16; on devices with memory of their own. */
    BF16(16),
    /** As float16; on devices with memory of their own. */
    FP16(16),
    /** Eight bits a weight, a float32 scale for every 32. */
    INT8(8),
    /** Four bits a weight, a float32 scale for every 32. */
    INT4(4);

    private final int bits;

    WeightType(int bits) {
        this.bits = bits;
    }

    /** Bits of a weight, scales not included. */
    public int bits() {
        return bits;
    }

    /** Bytes of so many weights, scales included. */
    public long bytes(long weights) {
        return switch (this) {
            case FP32, BF16, FP16 -> weights * bits / 8;
            case INT8, INT4 -> weights * bits / 8 + weights / Quantizer.BLOCK * Float.BYTES;
        };
    }
}
