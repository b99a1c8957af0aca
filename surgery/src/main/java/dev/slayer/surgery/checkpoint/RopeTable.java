package dev.slayer.surgery.checkpoint;

/**
 * Cosines and sines of the rotary embedding, scaled as the model asks ({@code yarn} scales attention through them).
 *
 * <p>Half of a head is stored: the angle of dimension i is that of dimension i + headDim / 2, as Hugging Face lays heads out.
 *
 * @param rows positions, from 0
 * @param pairs headDim / 2
 * @param cos [rows, pairs], row-major
 * @param sin [rows, pairs], row-major
 */
public record RopeTable(int rows, int pairs, float[] cos, float[] sin) {
    /** @throws IllegalArgumentException if the arrays do not hold rows times pairs numbers */
    public RopeTable {
        long size = (long) rows * pairs;
        if (rows < 0 || pairs < 0 || cos.length != size || sin.length != size) {
            throw new IllegalArgumentException(
                    "cos and sin must hold rows=" + rows + " times pairs=" + pairs + " numbers");
        }
    }

    /**
     * The table of every sequence no longer than the model's context.
     *
     * @param rows positions, from 0
     * @throws IllegalArgumentException if rows is negative or the table would not fit an array
     */
    public static RopeTable of(ModelConfig config, int rows) {
        return of(config, rows, config.contextLength());
    }

    /**
     * The table of a sequence of a given length. Only {@code dynamic} looks at it: beyond the model's context its frequencies fall as the
     * sequence grows. It is a function of the length alone, where transformers remembers the longest sequence that a model has seen; on a
     * fresh model the two agree.
     *
     * @param sequenceLength tokens of the sequence, prompt and answer
     */
    static RopeTable of(ModelConfig config, int rows, int sequenceLength) {
        int pairs = config.headDim() / 2;
        long size = (long) rows * pairs;
        if (rows < 0 || size > Integer.MAX_VALUE - 8) {
            throw new IllegalArgumentException("rows=" + rows + " of " + pairs + " pairs do not fit a table");
        }
        float[] frequencies = RopeFrequencies.of(config, sequenceLength);
        float scaling = RopeFrequencies.attentionScaling(config.rope());
        float[] cos = new float[(int) size];
        float[] sin = new float[(int) size];
        for (int row = 0; row < rows; row++) {
            for (int pair = 0; pair < pairs; pair++) {
                double angle = row * frequencies[pair]; // a float32 product, as the reference's
                cos[row * pairs + pair] = (float) Math.cos(angle) * scaling;
                sin[row * pairs + pair] = (float) Math.sin(angle) * scaling;
            }
        }
        return new RopeTable(rows, pairs, cos, sin);
    }
}
