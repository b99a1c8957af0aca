package dev.slayer.server.cli;

import dev.slayer.server.cli.settings.JobOptions;
import dev.slayer.server.cli.settings.ServeSettings;
import dev.slayer.server.engine.block.MemoryPlan;
import dev.slayer.server.jobs.JobDevice;
import dev.slayer.server.jobs.JobSettings;
import dev.slayer.training.run.DeviceAccess;
import dev.slayer.training.run.TrainingDevice;
import java.util.Optional;

/** The GPU that a server's jobs train on, where they do not on the processor. */
final class TrainingPlace {
    private final ServeSettings settings;
    private final TrainingDevice device;

    private TrainingPlace(ServeSettings settings, TrainingDevice device) {
        this.settings = settings;
        this.device = device;
    }

    /**
     * Finds it; empty for the processor.
     *
     * @throws dev.slayer.surgery.SlayerException 400 if it cannot be used, saying what is missing
     */
    static Optional<TrainingPlace> find(ServeSettings settings) {
        JobDevice wanted = settings.jobs().device();
        return wanted.gpu()
                ? Optional.of(new TrainingPlace(
                        settings, TrainingDevice.find(wanted.name(), JobOptions.TRAINING_DEVICE.option())))
                : Optional.empty();
    }

    /** Whether it is one of the GPUs that engines compute on, whose plans hold its budget. */
    boolean amongEngines() {
        return settings.device().choice().ids().stream().anyMatch(id -> Budgets.trainsOn(settings, id));
    }

    /** What goes where in its memory, if no engine is there. @throws dev.slayer.surgery.SlayerException 507 if the budget is not free */
    MemoryPlan planAlone() {
        return MemoryPlan.ofTraining(
                new MemoryPlan.Place(
                        settings.jobs().device().name(), true, device.totalBytes(), device.freeBytes(), Short.BYTES),
                bytes());
    }

    /**
     * Holds jobs to their budget of it.
     *
     * @param access who else is there
     * @return the jobs' settings with that budget
     */
    JobSettings bounded(DeviceAccess access) {
        device.limit(bytes());
        return settings.jobs().on(new JobDevice(settings.jobs().device().name(), access), bytes());
    }

    private long bytes() {
        return Budgets.training(settings, device.totalBytes());
    }
}
