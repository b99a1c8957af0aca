package dev.slayer.server.engine.packed;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.RopeTable;
import java.lang.foreign.MemorySegment;

/**
 * How far a block's keys and values reach in each channel, and the scales that follow for KV of 8 bits: a number x is kept as x / scale,
 * rounded and clipped to -128 to 127. One thread at a time.
 */
final class KvRanges {
    /**
     * By how much scales reach beyond what was seen: half a bit of eight, so that a channel which some text drives further than the rows of
     * the calibration did is not clipped.
     */
    static final float MARGIN = 1.5f;

    private static final int MOST = 127;

    /** Channels that were hardly ever seen to move still get a share of the largest range. */
    private static final float LEAST_SHARE = 1f / 1024;

    private final ModelConfig config;
    private final float amplitude;
    private final float[] keys;
    private final float[] values;

    KvRanges(ModelConfig config) {
        this.config = config;
        this.amplitude = RopeTable.of(config, 1).cos()[0]; // at position 0 the angle is none
        this.keys = new float[config.kvWidth()];
        this.values = new float[config.kvWidth()];
    }

    /**
     * Widens the ranges to some rows. Keys are as they are before rope, which turns each pair of channels against each other: whatever
     * the position, none of the two gets larger than both together are long, times what the table scales by (yarn).
     *
     * @param rows queries, keys and values of any rows: float32 [rows, qkvWidth]
     */
    void add(MemorySegment rows) {
        int width = config.qkvWidth();
        long count = rows.byteSize() / Float.BYTES / width;
        for (long row = 0; row < count; row++) {
            long at = row * width + config.queryWidth();
            addKeys(rows, at);
            for (int i = 0; i < values.length; i++) {
                float value = Math.abs(rows.getAtIndex(JAVA_FLOAT, at + keys.length + i));
                values[i] = Math.max(values[i], value);
            }
        }
    }

    private void addKeys(MemorySegment rows, long at) {
        int half = config.headDim() / 2;
        for (int head = 0; head < keys.length; head += config.headDim()) {
            for (int i = head; i < head + half; i++) {
                double first = rows.getAtIndex(JAVA_FLOAT, at + i);
                double second = rows.getAtIndex(JAVA_FLOAT, at + i + half);
                float length = (float) (Math.sqrt(first * first + second * second) * amplitude);
                keys[i] = Math.max(keys[i], length);
                keys[i + half] = keys[i];
            }
        }
    }

    /** Scales of keys after rope: [kvHeads, headDim]. */
    float[] keyScales() {
        return scales(keys);
    }

    /** Scales of values: [kvHeads, headDim]. */
    float[] valueScales() {
        return scales(values);
    }

    /** Weights that give no numbers get scales nevertheless: what comes of them is no number either. */
    private static float[] scales(float[] ranges) {
        float largest = 0;
        for (float range : ranges) {
            largest = Float.isFinite(range) ? Math.max(largest, range) : largest;
        }
        float least = largest > 0 ? largest * LEAST_SHARE : 1;
        float[] scales = new float[ranges.length];
        for (int i = 0; i < scales.length; i++) {
            float range = Float.isFinite(ranges[i]) ? Math.max(ranges[i], least) : Math.max(largest, least);
            scales[i] = range * MARGIN / MOST;
        }
        return scales;
    }
}
