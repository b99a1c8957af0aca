package dev.slayer.server.engine.block;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/**
 * Quantizes a matrix in blocks of 32 along its rows, in the layout of ONNX Runtime's MatMulNBits: a weight is
 * {@code (q - zero) * scale} with zero point 128 (8 bits) or 8 (4 bits).
 *
 * <p>The scale maps the value of largest magnitude in a block to the end of the range that reaches furthest, so its sign may be
 * negative: that end is exact, and half a step is gained over a symmetric range.
 */
public final class Quantizer {
    /** Weights of a block. */
    public static final int BLOCK = 32;

    private final int bits;
    private final int zero;

    /** @param bits 4 or 8 */
    public Quantizer(int bits) {
        if (bits != 4 && bits != 8) {
            throw new IllegalArgumentException("bits=" + bits + " is out of range; allowed: 4 or 8");
        }
        this.bits = bits;
        this.zero = 1 << (bits - 1);
    }

    /** Blocks of a row of so many columns. */
    public int blocks(int columns) {
        return (columns + BLOCK - 1) / BLOCK;
    }

    /** Bytes of a block's values. */
    public int blockBytes() {
        return BLOCK * bits / 8;
    }

    /**
     * Quantizes a matrix, on all cores; a last block of a row that is not full is padded with zeros.
     *
     * @param values [rows, blocks, blockBytes], written by several threads
     * @param scales [rows, blocks] float32, written by several threads
     */
    public void quantize(StackedRows matrix, MemorySegment values, MemorySegment scales) {
        matrix.byParts((from, count) -> quantizeRows(matrix, from, count, values, scales));
    }

    private void quantizeRows(StackedRows matrix, int from, int count, MemorySegment values, MemorySegment scales) {
        int columns = matrix.columns();
        int blocks = blocks(columns);
        float[] rows = new float[count * columns];
        matrix.read(from, MemorySegment.ofArray(rows));
        float[] row = new float[blocks * BLOCK];
        byte[] packed = new byte[blocks * blockBytes()];
        float[] rowScales = new float[blocks];
        for (int r = 0; r < count; r++) {
            System.arraycopy(rows, r * columns, row, 0, columns);
            for (int block = 0; block < blocks; block++) {
                rowScales[block] = quantizeBlock(row, block * BLOCK, packed, block * blockBytes());
            }
            MemorySegment.copy(packed, 0, values, JAVA_BYTE, (long) (from + r) * packed.length, packed.length);
            MemorySegment.copy(rowScales, 0, scales, JAVA_FLOAT, (long) (from + r) * blocks * Float.BYTES, blocks);
        }
    }

    private float quantizeBlock(float[] row, int from, byte[] packed, int to) {
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
                packed[to + i] = (byte) q;
            } else if (i % 2 == 0) {
                packed[to + i / 2] = (byte) q;
            } else {
                packed[to + i / 2] |= (byte) (q << 4);
            }
        }
        return scale;
    }
}
