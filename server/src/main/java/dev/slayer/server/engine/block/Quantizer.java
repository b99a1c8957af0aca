package dev.slayer.server.engine.block;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.stream.IntStream;

/**
 * Quantizes a matrix in blocks of 32 along its rows, in the layout of ONNX Runtime's MatMulNBits: a weight is
 * {@code (q - zero) * scale} with zero point 128 (8 bits) or 8 (4 bits).
 *
 * <p>The scale maps the value of largest magnitude in a block to the end of the range that reaches furthest, so its sign may be
 * negative: that end is exact, and half a step is gained over a symmetric range.
 */
final class Quantizer {
    static final int BLOCK = 32;
    private static final int PART = 64; // rows that one core takes at a time

    private final int bits;
    private final int zero;

    Quantizer(int bits) {
        if (bits != 4 && bits != 8) {
            throw new IllegalArgumentException("bits=" + bits + " is out of range; allowed: 4 or 8");
        }
        this.bits = bits;
        this.zero = 1 << (bits - 1);
    }

    /**
     * A quantized matrix.
     *
     * @param values [rows, blocks, 32 * bits / 8] bytes
     * @param scales [rows, blocks]
     */
    record Quantized(MemorySegment values, MemorySegment scales, int rows, int columns, int blocks) {}

    /**
     * Works on all cores.
     *
     * @param matrix float32 [rows, columns], in memory that all threads may read; a last block that is not full is padded with zeros
     * @param allocator of memory that all threads may write
     */
    Quantized quantize(MemorySegment matrix, int rows, int columns, SegmentAllocator allocator) {
        int blocks = (columns + BLOCK - 1) / BLOCK;
        int blockBytes = BLOCK * bits / 8;
        MemorySegment values = allocator.allocate((long) rows * blocks * blockBytes, 64);
        MemorySegment scales = allocator.allocate((long) rows * blocks * Float.BYTES, 64);
        Quantized quantized = new Quantized(values, scales, rows, columns, blocks);
        IntStream.range(0, (rows + PART - 1) / PART)
                .parallel()
                .forEach(part -> quantizeRows(matrix, part * PART, Math.min(rows, (part + 1) * PART), quantized));
        return quantized;
    }

    private void quantizeRows(MemorySegment matrix, int from, int to, Quantized target) {
        int blockBytes = BLOCK * bits / 8;
        float[] row = new float[target.blocks * BLOCK];
        byte[] packed = new byte[blockBytes];
        for (int r = from; r < to; r++) {
            MemorySegment.copy(matrix, JAVA_FLOAT, (long) r * target.columns * Float.BYTES, row, 0, target.columns);
            for (int block = 0; block < target.blocks; block++) {
                float scale = quantizeBlock(row, block * BLOCK, packed);
                long at = (long) r * target.blocks + block;
                target.scales.setAtIndex(JAVA_FLOAT, at, scale);
                MemorySegment.copy(packed, 0, target.values, JAVA_BYTE, at * blockBytes, blockBytes);
            }
        }
    }

    private float quantizeBlock(float[] row, int from, byte[] packed) {
        float extreme = 0;
        for (int i = from; i < from + BLOCK; i++) {
            if (Math.abs(row[i]) > Math.abs(extreme)) {
                extreme = row[i];
            }
        }
        float scale = extreme / -zero;
        float inverse = scale == 0 ? 0 : 1 / scale;
        for (int i = 0; i < BLOCK; i++) {
            int q = Math.clamp(Math.round(row[from + i] * inverse) + zero, 0, 2 * zero - 1);
            if (bits == 8) {
                packed[i] = (byte) q;
            } else if (i % 2 == 0) {
                packed[i / 2] = (byte) q;
            } else {
                packed[i / 2] |= (byte) (q << 4);
            }
        }
        return scale;
    }
}
