package dev.slayer.server.jobs;

import dev.slayer.server.store.JobStore;
import dev.slayer.surgery.SlayerException;
import dev.slayer.training.data.DataReport;
import dev.slayer.training.run.RunCheck;
import dev.slayer.training.run.TrainingRecipe;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads the beginning of new jobs' files, on a thread of its own: what is wrong with them is told before their turn comes. */
final class Validator implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Validator.class);

    /** Batches that are read of each file. */
    private static final int BATCHES = 64;

    private final JobQueue queue;
    private final JobStore store;
    private final UploadedFiles files;
    private final TrainableModels models;
    private final Thread thread;

    Validator(JobQueue queue, JobStore store, UploadedFiles files, TrainableModels models) {
        this.queue = queue;
        this.store = store;
        this.files = files;
        this.models = models;
        this.thread = Thread.ofPlatform()
                .daemon()
                .name("training-files")
                .start(() -> queue.work(queue::nextToCheck, this::check));
    }

    private void check(JobQueue.Work work) {
        Job job = queue.get(work.job());
        JobLog log = new JobLog(store, job.id());
        try (TrainableModels.Held model = models.hold(job.plan().held())) {
            DataReport report = RunCheck.data(
                    TrainingRecipe.parse(job.plan().recipe()),
                    new CheckpointCodec(model.tokenizer(), model.base().directory()),
                    files.folder(),
                    BATCHES,
                    work.control());
            if (!work.control().stopped()) {
                log.data(report);
                queue.checked(work);
            }
        } catch (SlayerException e) {
            fail(work, log, new JobProgress.JobError(e.code(), e.getMessage(), e.param()));
        } catch (RuntimeException | Error e) {
            LOG.error("The files of {} could not be validated", job.id(), e);
            fail(work, log, new JobProgress.JobError("internal_error", String.valueOf(e), null));
        }
    }

    private void fail(JobQueue.Work work, JobLog log, JobProgress.JobError why) {
        log.error("The files cannot be trained on: " + why.message());
        queue.end(work, JobStatus.FAILED, why, List.of());
    }

    /** Waits for the thread; the queue must have been closed. */
    @Override
    public void close() {
        Trainer.join(thread);
    }
}
