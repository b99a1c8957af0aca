package dev.slayer.server.jobs;

import dev.slayer.server.store.JobStore;
import dev.slayer.surgery.SlayerException;
import dev.slayer.training.run.BackgroundThread;
import dev.slayer.training.run.Peers;
import dev.slayer.training.run.RunEvent;
import dev.slayer.training.run.RunInputs;
import dev.slayer.training.run.TrainingRecipe;
import dev.slayer.training.run.TrainingRun;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes jobs, one after the other, on a thread of its own, which gives way to those that answer requests. libtorch is loaded when the
 * first one begins.
 */
final class Trainer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Trainer.class);
    private static final long JOIN_MILLIS = 10_000;
    private static final String MADE_BY = "Slayer "
            + Optional.ofNullable(Trainer.class.getPackage().getImplementationVersion())
                    .orElse("development");

    private final JobQueue queue;
    private final JobStore store;
    private final UploadedFiles files;
    private final TrainableModels models;
    private final DeltaShelf shelf;
    private final JobSettings settings;
    private final RunFolders folders;
    private final Thread thread;
    private volatile Current current; // null while nothing is trained

    Trainer(
            JobQueue queue,
            JobStore store,
            UploadedFiles files,
            TrainableModels models,
            DeltaShelf shelf,
            JobSettings settings) {
        this.queue = queue;
        this.store = store;
        this.files = files;
        this.models = models;
        this.shelf = shelf;
        this.settings = settings;
        this.folders = new RunFolders(store);
        this.thread = Thread.ofPlatform().daemon().name("training").start(this::work);
    }

    /** The job being made, and how far it is. */
    private static final class Current {
        private final String job;
        private final JobLog log;
        private volatile RunEvent.Begun begun;
        private volatile long begunAt;
        private volatile RunEvent.Stepped stepped;

        Current(String job, JobLog log) {
            this.job = job;
            this.log = log;
        }

        void on(RunEvent event) {
            switch (event) {
                case RunEvent.Begun first -> {
                    begunAt = System.nanoTime();
                    begun = first;
                }
                case RunEvent.Stepped step -> stepped = step;
                case RunEvent.Validated _, RunEvent.Saved _, RunEvent.Warned _, RunEvent.Finished _ -> {}
            }
            log.run(event);
        }

        JobProgress progress(JobProgress known) {
            RunEvent.Stepped step = stepped;
            if (step == null) {
                return known;
            }
            double each = (System.nanoTime() - begunAt) / 1e9 / (step.step() - begun.firstStep() + 1);
            double left = (begun.steps() - step.step()) * each;
            return known.at(step.tokens(), Instant.now().getEpochSecond() + Math.round(left));
        }
    }

    /** A job as it stands, with what has been trained since its record was written. */
    Job live(Job job) {
        Current now = current;
        return now != null && now.job.equals(job.id()) && job.status() == JobStatus.RUNNING
                ? job.with(now.progress(job.progress()))
                : job;
    }

    /** Writes the events that wait. */
    void flush() {
        Current now = current;
        if (now != null) {
            now.log.flush();
        }
    }

    private void work() {
        try {
            folders.sweep(store);
        } catch (RuntimeException e) {
            LOG.error("What ended jobs have left cannot be removed", e);
        }
        queue.work(queue::nextToTrain, this::make);
    }

    private void make(JobQueue.Work work) {
        Job job = queue.get(work.job());
        JobLog log = new JobLog(store, job.id());
        current = new Current(job.id(), log);
        try {
            log.message((TrainingRun.begun(folders.of(job.id())) ? "The job goes on" : "The job begins")
                    + (settings.device().gpu() ? " on " + settings.device().name() : ""));
            settle(work, run(job, work, current), log);
        } catch (SlayerException e) {
            fail(work, log, new JobProgress.JobError(e.code(), e.getMessage(), e.param()));
        } catch (RuntimeException | Error e) {
            LOG.error("The job {} met a defect", job.id(), e);
            String first = String.valueOf(e).lines().findFirst().orElse(""); // libtorch's go on with native frames
            fail(work, log, new JobProgress.JobError("internal_error", first, null));
        } finally {
            log.flush();
            current = null;
            Job now = queue.get(job.id());
            if (now.status().ended()) {
                folders.clean(now);
            }
        }
    }

    private TrainingRun.Outcome run(Job job, JobQueue.Work work, Current to) {
        BackgroundThread.enter();
        String text = job.plan().recipe();
        // The device is the server's, not the recipe's: a job may go on after a restart on another.
        TrainingRecipe recipe =
                TrainingRecipe.parse(text).on(Optional.of(settings.device().name()), Optional.empty());
        try (TrainableModels.Held model = models.hold(job.plan().held())) {
            if (settings.device().gpu()) {
                JobMemory.require(recipe, model, settings); // it may be smaller than the one that it was made for
            }
            RunInputs inputs = new RunInputs(
                    model.base(),
                    model.checkpoint(),
                    model.others(),
                    model.sources(),
                    new CheckpointCodec(model.tokenizer(), model.base().directory()),
                    files.folder(),
                    MADE_BY,
                    settings.device().access());
            return new TrainingRun(recipe, text, inputs, folders.of(job.id()), Peers.ALONE, to::on).run(work.control());
        }
    }

    /** Not finished, it was stopped: its status says by whom, and stays. */
    private void settle(JobQueue.Work work, TrainingRun.Outcome outcome, JobLog log) {
        if (outcome.steps() > 0) {
            queue.change(work.job(), job -> job.with(job.progress().at(outcome.tokens(), null)));
        }
        if (!outcome.finished() || !queue.mayPublish(work)) {
            return;
        }
        Job job = queue.get(work.job());
        Path delta = outcome.delta()
                .orElseThrow(() -> SlayerException.internal("the run of " + job.id() + " made no delta", null));
        shelf.publish(delta, job.plan().name());
        log.message("The model " + job.plan().name() + " is served");
        queue.end(work, JobStatus.SUCCEEDED, null, results(job));
    }

    private List<String> results(Job job) {
        Path metrics = folders.of(job.id()).resolve("metrics.jsonl");
        return Files.exists(metrics)
                ? List.of(files.adopt(metrics, "metrics-" + job.id() + ".jsonl").id())
                : List.of();
    }

    private void fail(JobQueue.Work work, JobLog log, JobProgress.JobError why) {
        log.error("The job failed: " + why.message());
        queue.end(work, JobStatus.FAILED, why, List.of());
    }

    /** Removes what a job leaves that was cancelled while nobody worked on it. */
    void clean(Job job) {
        Current now = current;
        if (now == null || !now.job.equals(job.id())) {
            folders.clean(job);
        }
    }

    /** Waits for the thread, which saves its run first; the queue must have been closed. */
    @Override
    public void close() {
        join(thread);
    }

    static void join(Thread thread) {
        try {
            while (!thread.join(java.time.Duration.ofMillis(JOIN_MILLIS))) {
                LOG.info("Waiting for the thread {} to come to the end of its step.", thread.getName());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
