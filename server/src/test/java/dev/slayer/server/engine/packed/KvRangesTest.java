package dev.slayer.server.engine.packed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.slayer.server.golden.Golden;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.RopeTable;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class KvRangesTest {
    private static final int ROWS = 40;
    private final ModelConfig config = ModelConfig.read(Golden.checkpoint("random-llama3"));

    private float[] rows() {
        SplittableRandom random = new SplittableRandom(3);
        float[] rows = new float[ROWS * config.qkvWidth()];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = (float) random.nextDouble(-1, 1) * (1 + i % 7);
        }
        return rows;
    }

    private static KvRanges ranges(ModelConfig config, float[] rows) {
        KvRanges ranges = new KvRanges(config);
        ranges.add(MemorySegment.ofArray(rows));
        return ranges;
    }

    @Test
    void keysFitTheirScalesWhateverTheirPosition() {
        float[] rows = rows();
        float[] scales = ranges(config, rows).keyScales();
        RopeTable rope = RopeTable.of(config, 300);
        double largest = 0;
        int half = config.headDim() / 2;
        for (int row = 0; row < ROWS; row++) {
            for (int channel = 0; channel < config.kvWidth(); channel++) {
                int within = channel % config.headDim();
                int at = row * config.qkvWidth() + config.queryWidth() + channel - within + within % half;
                for (int position = 0; position < rope.rows(); position++) {
                    float cos = rope.cos()[position * half + within % half];
                    float sin = rope.sin()[position * half + within % half];
                    float turned = within < half
                            ? rows[at] * cos - rows[at + half] * sin
                            : rows[at + half] * cos + rows[at] * sin;
                    largest = Math.max(largest, Math.abs(turned) / scales[channel]);
                }
            }
        }
        assertThat(largest).as("of 127, without the margin").isBetween(83.0, 127 / KvRanges.MARGIN + 0.01);
    }

    @Test
    void valuesReachWhatWasSeenWithTheMargin() {
        float[] rows = rows();
        float[] scales = ranges(config, rows).valueScales();
        for (int channel = 0; channel < config.kvWidth(); channel++) {
            float largest = 0;
            for (int row = 0; row < ROWS; row++) {
                int at = row * config.qkvWidth() + config.queryWidth() + config.kvWidth() + channel;
                largest = Math.max(largest, Math.abs(rows[at]));
            }
            assertThat(127 * scales[channel] / largest).isCloseTo(KvRanges.MARGIN, within(1e-4f));
        }
    }

    @Test
    void channelsThatNeverMoveAndThoseThatAreNoNumbersGetScalesToo() {
        float[] rows = rows();
        int at = config.queryWidth() + config.kvWidth();
        for (int row = 0; row < ROWS; row++) {
            rows[row * config.qkvWidth() + at] = 0;
            rows[row * config.qkvWidth() + at + 1] = Float.NaN;
        }
        allAreScales(ranges(config, rows).valueScales());
        allAreScales(ranges(config, new float[ROWS * config.qkvWidth()]).keyScales());
    }

    private static void allAreScales(float[] scales) {
        for (float scale : scales) {
            assertThat(scale).isPositive().isFinite();
        }
    }
}
