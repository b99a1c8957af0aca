package dev.slayer.surgery.recipe;

import dev.slayer.surgery.checkpoint.Float32Source;
import dev.slayer.surgery.layout.Recipe;
import java.util.List;
import java.util.stream.IntStream;

/**
 * TIES (Yadav et al., 2023): differences from the base are trimmed to their largest entries, the sign of the weighted sum is
 * elected for each entry, and the weighted mean of the differences with that sign is added to the base.
 */
final class Election {
    private Election() {}

    /**
     * The merge of the base and the donors after it.
     *
     * @param inputs base and donors
     */
    static Merge merge(List<Recipe.Donor> donors, List<? extends Float32Source> inputs) {
        float[] weights = new float[donors.size()];
        for (int donor = 0; donor < weights.length; donor++) {
            weights[donor] = donors.get(donor).weight().floatValue();
        }
        List<Trim> trims = IntStream.range(0, weights.length)
                .mapToObj(donor -> Trim.of(
                        inputs.getFirst(),
                        inputs.get(donor + 1),
                        donors.get(donor).density()))
                .toList();
        return (first, values, count, out) -> {
            float[][] weighted = new float[weights.length][];
            for (int donor = 0; donor < weights.length; donor++) {
                weighted[donor] = difference(values[0], values[donor + 1], count);
                trims.get(donor).apply(first, weighted[donor], count);
                for (int i = 0; i < count; i++) {
                    weighted[donor][i] *= weights[donor];
                }
            }
            for (int i = 0; i < count; i++) {
                out[i] = values[0][i] + elected(weighted, weights, i);
            }
        };
    }

    private static float[] difference(float[] base, float[] values, int count) {
        float[] difference = new float[count];
        for (int i = 0; i < count; i++) {
            difference[i] = values[i] - base[i];
        }
        return difference;
    }

    /**
     * The mean of those differences at an entry that have the sign of their sum; nothing where they cancel, or where the weights
     * of those that agree do.
     */
    private static float elected(float[][] weighted, float[] weights, int entry) {
        float sum = weighted[0][entry];
        for (int donor = 1; donor < weights.length; donor++) {
            sum += weighted[donor][entry];
        }
        if (sum == 0 || Float.isNaN(sum)) {
            return sum;
        }
        float agreeing = 0;
        float weight = 0;
        for (int donor = 0; donor < weights.length; donor++) {
            float difference = weighted[donor][entry];
            if (sum > 0 ? difference > 0 : difference < 0) {
                agreeing += difference;
                weight += weights[donor];
            }
        }
        return weight == 0 ? 0 : agreeing / weight;
    }
}
