package dev.slayer.training.run;

import java.nio.file.Path;

/**
 * What is known of a run before it begins.
 *
 * @param text of the recipe
 * @param folder of the run, which is the first process's
 */
record RunPlan(TrainingRecipe recipe, String text, RunInputs inputs, Path folder, Peers peers, RunListener listener) {
    /** The first process keeps the run's record; the others only their place. */
    Path rankFolder() {
        return peers.rank() == 0 ? folder : folder.resolve("rank-" + peers.rank());
    }
}
