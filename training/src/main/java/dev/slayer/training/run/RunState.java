package dev.slayer.training.run;

import java.util.Map;

/**
 * What a checkpoint remembers beside its vectors.
 *
 * @param step steps made
 * @param tokens seen, padding not counted
 * @param position of the data, as JSON
 * @param rankMask entries that AdaLoRA has left
 * @param recipe text of the training recipe
 * @param baseHash of the checkpoint that is trained
 * @param finished whether the run makes no more steps: it has been validated after the last one
 * @param checksums of the vectors, by name
 */
record RunState(
        long step,
        long tokens,
        String position,
        float[] rankMask,
        String recipe,
        String baseHash,
        boolean finished,
        Map<String, Long> checksums) {
    RunState {
        checksums = Map.copyOf(checksums);
    }
}
