package dev.slayer.training.run;

import dev.slayer.surgery.SlayerException;
import dev.slayer.training.model.TrainingModel;
import dev.slayer.training.optimize.Optimizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;

/** Writes down what a run needs to go on, and goes on with it. */
record RunCheckpoints(RunPlan plan, RunFolder home, TrainingModel model, Optimizer optimizer, String baseHash) {
    /**
     * Saves the run as it is after its last step.
     *
     * @param finished whether it makes no more
     */
    Path save(long tokens, String position, boolean finished) {
        RunState state = new RunState(
                optimizer.steps(), tokens, position, optimizer.rankMask(), plan.text(), baseHash, finished, Map.of());
        return home.save(state, vectors(), plan.recipe().run().keep());
    }

    /**
     * Goes on from the newest checkpoint that is whole. All processes go on from the first one's: their weights are the same.
     *
     * @param warnings told of checkpoints that are not
     * @return empty if there is none
     * @throws SlayerException 409 if they are of another run, 400 if none is whole
     */
    Optional<RunState> restore(Consumer<String> warnings) throws IOException {
        RunState state = RunFolder.restore(plan.folder(), vectors(), warnings);
        if (state == null) {
            return Optional.empty();
        }
        if (!state.recipe().equals(plan.text()) || !state.baseHash().equals(baseHash)) {
            throw new SlayerException(
                    409,
                    "another_run",
                    "out",
                    plan.folder() + " holds a run of another "
                            + (state.recipe().equals(plan.text()) ? "base checkpoint" : "recipe")
                            + "; go on with the same, or name another folder",
                    null);
        }
        optimizer.resume(state.step(), state.rankMask());
        return Optional.of(state);
    }

    private Map<String, Tensor> vectors() {
        Map<String, Tensor> vectors = new LinkedHashMap<>();
        vectors.put("values", model.parameters().values());
        vectors.putAll(optimizer.state());
        return vectors;
    }
}
