package dev.slayer.server.jobs;

import dev.slayer.server.store.JobStore;
import dev.slayer.surgery.SlayerException;
import dev.slayer.training.run.RunControl;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The states of jobs and who may change them. Every change is on disk before anybody sees it. Thread-safe. */
final class JobQueue implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(JobQueue.class);
    private static final long REST_NANOS = 10_000_000_000L;

    private final JobStore store;
    private Work training; // what is being trained, or null; guarded by this
    private Work checking; // what is being validated, or null; guarded by this
    private boolean closed; // guarded by this

    JobQueue(JobStore store) {
        this.store = store;
    }

    /** What a thread does with a job. */
    interface Task {
        void on(Work work);
    }

    /** Where a thread's jobs come from. */
    interface Supply {
        Optional<Work> next() throws InterruptedException;
    }

    /** Does job after job, until the queue is closed. A store that fails, such as on a full disk, is tried again after a rest. */
    void work(Supply supply, Task task) {
        try {
            boolean more = true;
            while (more) {
                try {
                    Optional<Work> work = supply.next();
                    work.ifPresent(task::on);
                    more = work.isPresent();
                } catch (RuntimeException e) {
                    LOG.error("The state of jobs cannot be read or written; trying again in a while", e);
                    rest();
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** A job that a thread has taken, and how to stop it. */
    static final class Work {
        private final String job;
        private final RunControl control = new RunControl();
        private boolean publishing; // guarded by the queue

        private Work(String job) {
            this.job = job;
        }

        String job() {
            return job;
        }

        RunControl control() {
            return control;
        }
    }

    synchronized Job get(String id) {
        return store.job(id)
                .map(Job::of)
                .orElseThrow(() -> new SlayerException(
                        404,
                        "job_not_found",
                        "fine_tuning_job_id",
                        "There is no fine-tuning job '" + UploadedFiles.shown(id)
                                + "'; GET /v1/fine_tuning/jobs lists them.",
                        null));
    }

    /** Jobs that have not ended, in their order. */
    synchronized List<Job> working() {
        return of(JobStatus.VALIDATING_FILES, JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.PAUSED);
    }

    private List<Job> of(JobStatus... statuses) {
        return store.jobs(Arrays.stream(statuses).map(JobStatus::text).toList()).stream()
                .map(Job::of)
                .toList();
    }

    private long last() {
        List<Job> all = working();
        return all.isEmpty() ? 1 : all.getLast().position() + 1;
    }

    /** Puts a job at the end. @throws SlayerException 429 if there are {@code most} already */
    synchronized Job add(Job job, int most) {
        if (working().size() >= most) {
            throw new SlayerException(
                    429,
                    "too_many_jobs",
                    null,
                    "There are " + most + " jobs that have not ended, which is the most; wait, or cancel some.",
                    null);
        }
        Job placed = job.at(last());
        store.addJob(placed.stored());
        notifyAll();
        return placed;
    }

    /** Changes a job. */
    synchronized Job change(String id, UnaryOperator<Job> how) {
        Job next = how.apply(get(id));
        store.updateJob(next.stored());
        notifyAll();
        return next;
    }

    /** Waits for a job to validate; empty when the queue has been closed. */
    synchronized Optional<Work> nextToCheck() throws InterruptedException {
        checking = null;
        while (!closed) {
            List<Job> found = of(JobStatus.VALIDATING_FILES);
            if (!found.isEmpty()) {
                checking = new Work(found.getFirst().id());
                return Optional.of(checking);
            }
            wait();
        }
        return Optional.empty();
    }

    /** Waits for a job to train, which is running from then on; empty when the queue has been closed. */
    synchronized Optional<Work> nextToTrain() throws InterruptedException {
        training = null;
        while (!closed) {
            List<Job> found = of(JobStatus.RUNNING, JobStatus.QUEUED);
            if (!found.isEmpty()) {
                Job job = found.getFirst();
                training = new Work(job.id());
                change(job.id(), queued -> queued.as(JobStatus.RUNNING));
                return Optional.of(training);
            }
            wait();
        }
        return Optional.empty();
    }

    /** Waits a while, after something went wrong that may pass, such as a full disk; not if the queue is closed meanwhile. */
    synchronized void rest() throws InterruptedException {
        long end = System.nanoTime() + REST_NANOS;
        for (long left = REST_NANOS; !closed && left > 0; left = end - System.nanoTime()) {
            wait(Math.max(1, left / 1_000_000));
        }
    }

    /** A validated job may be trained, unless somebody has stopped it meanwhile. */
    synchronized void checked(Work work) {
        if (!closed) {
            change(work.job, job -> {
                Job known = job.with(job.progress().checked());
                return job.status() == JobStatus.VALIDATING_FILES ? known.as(JobStatus.QUEUED) : known;
            });
        }
    }

    /** Whether a job whose training is done may be published; then nobody can stop it any more. */
    synchronized boolean mayPublish(Work work) {
        work.publishing = get(work.job).status() != JobStatus.CANCELLED;
        return work.publishing;
    }

    /** The end of a job, unless it was cancelled. */
    synchronized Job end(Work work, JobStatus status, JobProgress.JobError why, List<String> files) {
        return change(
                work.job,
                job -> job.status().ended()
                        ? job
                        : job.as(status).with(job.progress().ended(now(), why, files)));
    }

    private static long now() {
        return Instant.now().getEpochSecond();
    }

    synchronized Job cancel(String id) {
        requireStoppable(id, "cancelled");
        stop(id);
        return change(
                id,
                job -> job.as(JobStatus.CANCELLED)
                        .with(job.progress().ended(now(), null, job.progress().resultFiles())));
    }

    synchronized Job pause(String id) {
        Job job = requireStoppable(id, "paused");
        if (job.status() == JobStatus.PAUSED) {
            throw wrongState(job, "paused");
        }
        stop(id);
        return change(id, running -> running.as(JobStatus.PAUSED));
    }

    synchronized Job resume(String id) {
        Job job = get(id);
        if (job.status() != JobStatus.PAUSED) {
            throw wrongState(job, "resumed");
        }
        long place = last();
        return change(
                id,
                paused -> paused.at(place)
                        .as(paused.progress().validated() ? JobStatus.QUEUED : JobStatus.VALIDATING_FILES));
    }

    private Job requireStoppable(String id, String what) {
        Job job = get(id);
        if (job.status().ended()) {
            throw wrongState(job, what);
        }
        if (training != null && training.job.equals(id) && training.publishing) {
            throw new SlayerException(
                    409,
                    "invalid_job_state",
                    "fine_tuning_job_id",
                    "The job '" + id + "' has made all its steps and cannot be " + what + " any more.",
                    null);
        }
        return job;
    }

    private static SlayerException wrongState(Job job, String what) {
        return new SlayerException(
                409,
                "invalid_job_state",
                "fine_tuning_job_id",
                "The job '" + job.id() + "' is " + job.status().text() + " and cannot be " + what + ".",
                null);
    }

    private void stop(String id) {
        for (Work work : new Work[] {training, checking}) {
            if (work != null && work.job.equals(id)) {
                work.control.stop();
            }
        }
    }

    /** Nobody gets a job any more, and those that have one are stopped. Their states stay, so that the next server goes on. */
    @Override
    public synchronized void close() {
        closed = true;
        for (Work work : new Work[] {training, checking}) {
            if (work != null) {
                work.control.stop();
            }
        }
        notifyAll();
    }
}
