package dev.slayer.server.api;

import dev.slayer.server.engine.Engine;
import dev.slayer.server.guide.Guides;
import dev.slayer.server.jobs.FineTuningJobs;
import dev.slayer.surgery.SlayerException;
import java.util.Optional;

/** What all event loops of a server share; every part is thread-safe. */
record ApiScope(
        ApiSettings settings,
        ModelDirectory models,
        Catalog catalog,
        Checkpoints checkpoints,
        Deltas deltas,
        Exports exports,
        TrainingDesk desk,
        Optional<FineTuningJobs> jobs,
        Engine engine,
        Guides guides,
        ApiMetrics metrics,
        Traffic traffic,
        RuntimeFacts runtime) {
    /** Files and jobs. @throws SlayerException 403 if the server has no place to keep them */
    FineTuningJobs training() {
        return jobs.orElseThrow(() -> new SlayerException(
                403,
                "training_not_allowed",
                null,
                "This server keeps no files and trains nothing, since it has no data folder of its own; start it with"
                        + " --data-folder DIR.",
                null));
    }
}
