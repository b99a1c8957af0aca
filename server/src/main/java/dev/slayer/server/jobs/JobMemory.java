package dev.slayer.server.jobs;

import dev.slayer.surgery.SlayerException;
import dev.slayer.training.run.RunCheck;
import dev.slayer.training.run.TrainingRecipe;
import java.util.Locale;

/** Whether a job fits into the memory that the server gives to training. */
final class JobMemory {
    private static final long MEBIBYTE = 1 << 20;

    private JobMemory() {}

    /**
     * Estimates a recipe's memory, in the number formats of the device that it is on.
     *
     * @throws SlayerException 400 with all numbers if it is too much, or if recipe and model do not fit each other
     */
    static void require(TrainingRecipe recipe, TrainableModels.Held model, JobSettings settings) {
        RunCheck.Memory memory = RunCheck.memory(recipe, model.base(), model.others());
        if (memory.total() <= settings.memoryBytes()) {
            return;
        }
        throw new SlayerException(
                400,
                "training_memory_exceeded",
                "method",
                String.format(
                        Locale.ROOT,
                        "Training %d numbers in %s needs about %d MiB, more than the %d MiB%s that this server gives to training"
                                + " (--training-memory): parameters %d MiB, gradients %d MiB, moments %d MiB, other weights"
                                + " %d MiB, activations %d MiB. Train fewer slots or a lower rank, or take a smaller"
                                + " micro_batch, a shorter length, or recompute.",
                        memory.parameters(),
                        recipe.run().precision(),
                        mebibytes(memory.total()),
                        settings.memoryBytes() / MEBIBYTE,
                        settings.device().gpu() ? " of " + settings.device().name() : "",
                        mebibytes(memory.weights()),
                        mebibytes(memory.gradients()),
                        mebibytes(memory.moments()),
                        mebibytes(memory.frozen()),
                        mebibytes(memory.activations())),
                null);
    }

    private static long mebibytes(long bytes) {
        return Math.ceilDiv(bytes, MEBIBYTE);
    }
}
