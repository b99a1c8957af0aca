package dev.slayer.server.engine.block;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.slayer.server.engine.Logits;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.server.text.Tokenizer;
import dev.slayer.surgery.checkpoint.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What quantization costs in quality: loss on held-out text, printed for docs/benchmarks.md and bounded here. */
class WeightTypeQualityTest {
    private static final int TOKENS_PER_DOMAIN = 2_000;
    private static final int WINDOW = 256;

    @Test
    void quantizedWeightsCostLittleOnHeldOutText() throws IOException {
        Map<WeightType, Double> losses = new EnumMap<>(WeightType.class);
        try (OnnxRuntime runtime = OnnxRuntime.open(2);
                Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint("slayer-tiny"));
                Tokenizer tokenizer = Tokenizer.load(checkpoint.directory())) {
            List<int[]> windows = windows(tokenizer);
            for (WeightType type : new WeightType[] {WeightType.FP32, WeightType.INT8, WeightType.INT4}) {
                try (Rig rig = new Rig(runtime, checkpoint, type, WINDOW)) {
                    losses.put(type, loss(rig, windows));
                }
            }
        }
        losses.forEach((type, loss) -> System.out.printf(
                Locale.ROOT, "held-out loss of slayer-tiny with %s weights: %.4f nats per token%n", type, loss));
        assertThat(losses.get(WeightType.INT8))
                .isBetween(losses.get(WeightType.FP32) - 0.01, losses.get(WeightType.FP32) + 0.01);
        assertThat(losses.get(WeightType.INT4)).isLessThan(losses.get(WeightType.FP32) + 0.05);
    }

    private static List<int[]> windows(Tokenizer tokenizer) throws IOException {
        List<int[]> windows = new ArrayList<>();
        for (String domain : List.of("prose", "code", "arithmetic")) {
            int left = TOKENS_PER_DOMAIN;
            for (String line : Files.readAllLines(Golden.root().resolve("test-data/corpus/" + domain + ".jsonl"))) {
                int[] ids = tokenizer.encode(
                        new ObjectMapper().readTree(line).get("text").asText(), true);
                for (int from = 0; from + 2 <= ids.length && left > 0; from += WINDOW) {
                    int count = Math.min(WINDOW, ids.length - from);
                    int[] window = new int[count];
                    System.arraycopy(ids, from, window, 0, count);
                    windows.add(window);
                    left -= count;
                }
            }
        }
        assertThat(windows).hasSizeGreaterThan(15);
        return windows;
    }

    private static double loss(Rig rig, List<int[]> windows) {
        double sum = 0;
        int count = 0;
        for (int[] ids : windows) {
            float[][] logits = rig.logits(rig.identity(), ids, WINDOW);
            for (int position = 1; position < ids.length; position++) {
                sum -= Logits.logprob(logits[position - 1], ids[position]);
                count++;
            }
        }
        return sum / count;
    }
}
