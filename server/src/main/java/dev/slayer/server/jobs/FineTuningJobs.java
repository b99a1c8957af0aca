package dev.slayer.server.jobs;

import dev.slayer.server.store.JobStore;
import dev.slayer.server.store.Listed;
import dev.slayer.server.store.Page;
import dev.slayer.server.store.StoredCheckpoint;
import dev.slayer.server.store.StoredEvent;
import dev.slayer.server.store.StoredFile;
import dev.slayer.server.store.StoredJob;
import dev.slayer.surgery.SlayerException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Training jobs: asked for, looked at, stopped and gone on with. Jobs wait in order; {@link Trainer} makes one at a time. They are kept in
 * the store, and a server that starts over one goes on with them. Thread-safe; methods wait for the disk.
 */
public final class FineTuningJobs implements AutoCloseable {
    private static final int MOST_WAITING = 100;

    private final JobStore store;
    private final UploadedFiles files;
    private final TrainableModels models;
    private final DeltaShelf shelf;
    private final JobSettings settings;
    private final JobQueue queue;
    private final Trainer trainer;
    private final Validator validator;

    /** Begins to work on what the store has. */
    public FineTuningJobs(JobStore store, TrainableModels models, DeltaShelf shelf, JobSettings settings) {
        this.store = store;
        this.files = new UploadedFiles(store, settings);
        this.models = models;
        this.shelf = shelf;
        this.settings = settings;
        this.queue = new JobQueue(store);
        this.trainer = new Trainer(queue, store, files, models, shelf, settings);
        this.validator = new Validator(queue, store, files, models);
    }

    /** The files that jobs train on. */
    public UploadedFiles files() {
        return files;
    }

    /**
     * Makes a job and puts it into the queue.
     *
     * @throws SlayerException 400 or 404 if it cannot be made, naming the field; 429 if too many wait
     */
    public Job create(JobRequest request) {
        shelf.requireOpen();
        StoredFile training = trainable(request.trainingFile(), "training_file");
        Optional<StoredFile> validation = request.validationFile().map(id -> trainable(id, "validation_file"));
        String id = Ids.next("ftjob-");
        long seed = request.seed().isPresent()
                ? request.seed().getAsLong()
                : RecipePlan.seed(request)
                        .orElseGet(() -> ThreadLocalRandom.current().nextLong(1L << 31));
        try (TrainableModels.Held model = models.hold(request.model())) {
            RecipePlan.Made made = RecipePlan.of(request, model, training, validation, seed, settings);
            JobMemory.require(made.recipe(), model, settings);
            String layout = made.recipe().layout();
            JobPlan plan = new JobPlan(
                    request.model().isEmpty() ? model.checkpoint() : request.model(),
                    layout.isBlank() ? model.checkpoint() : model.checkpoint() + "@" + layout,
                    training.id(),
                    validation.map(StoredFile::id).orElse(null),
                    request.suffix().orElse(null),
                    seed,
                    request.metadata(),
                    request.method(),
                    made.hyperparameters(),
                    made.text(),
                    name(model.checkpoint(), request.suffix(), id));
            Job job = queue.add(
                    new Job(id, Instant.now(), JobStatus.VALIDATING_FILES, 0, plan, JobProgress.NONE), MOST_WAITING);
            new JobLog(store, id).message("Created the job " + id);
            return job;
        }
    }

    private StoredFile trainable(String id, String field) {
        StoredFile file;
        try {
            file = files.get(id);
        } catch (SlayerException e) {
            throw new SlayerException(e.status(), e.code(), field, e.getMessage(), e);
        }
        if (!file.purpose().equals("fine-tune")) {
            throw SlayerException.badRequest(
                    field,
                    "The file '" + id + "' was uploaded for the purpose '" + file.purpose()
                            + "'; upload it with purpose=fine-tune.");
        }
        if (RecipePlan.KINDS.stream().noneMatch(file.stored()::endsWith)) {
            throw SlayerException.badRequest(
                    field,
                    "The file '" + id + "' is called '" + UploadedFiles.shown(file.filename())
                            + "', which tells no kind that can be trained on: " + String.join(", ", RecipePlan.KINDS)
                            + ".");
        }
        return file;
    }

    /** {@code ft-BASE-SUFFIX-ID}: layouts can take layers of it, so it has no colon, and it is a folder's name. */
    private static String name(String base, Optional<String> suffix, String id) {
        String plain = base.replaceAll("[^A-Za-z0-9._-]", "-");
        return "ft-" + (plain.length() > 40 ? plain.substring(0, 40) : plain) + "-"
                + suffix.map(text -> text + "-").orElse("") + id.substring(id.length() - 8);
    }

    /** A job as it stands. @throws SlayerException 404 if there is none of that id */
    public Job get(String id) {
        return trainer.live(queue.get(id));
    }

    /**
     * Part of the list, the newest first unless the page says otherwise.
     *
     * @param metadata that jobs must have; {@code null} shows those with none
     */
    public Listed<Job> list(Optional<Map<String, String>> metadata, boolean withoutMetadata, Page page) {
        List<Job> found = new ArrayList<>();
        Page next = page;
        while (true) {
            Listed<StoredJob> part = store.jobs(next);
            for (StoredJob stored : part.entries()) {
                Job job = Job.of(stored);
                if (fits(job, metadata, withoutMetadata)) {
                    if (found.size() == page.limit()) {
                        return new Listed<>(found, true);
                    }
                    found.add(trainer.live(job));
                }
            }
            if (!part.more()) {
                return new Listed<>(found, false);
            }
            next = new Page(Optional.of(part.entries().getLast().id()), page.limit(), page.newestFirst());
        }
    }

    private static boolean fits(Job job, Optional<Map<String, String>> metadata, boolean without) {
        if (without) {
            return job.plan().metadata().isEmpty();
        }
        return metadata.isEmpty()
                || metadata.get().entrySet().stream()
                        .allMatch(entry -> entry.getValue()
                                .equals(job.plan()
                                        .metadata()
                                        .path(entry.getKey())
                                        .asText(null)));
    }

    /** Ends a job for good. @throws SlayerException 404 if there is none of that id, 409 if it has ended */
    public Job cancel(String id) {
        Job job = queue.cancel(id);
        new JobLog(store, id).message("Cancelled");
        trainer.clean(job);
        return trainer.live(job);
    }

    /** Stops a job for a while. @throws SlayerException 404 if there is none of that id, 409 if it has ended or is paused */
    public Job pause(String id) {
        Job job = queue.pause(id);
        new JobLog(store, id).message("Paused");
        return trainer.live(job);
    }

    /** Puts a paused job at the end of the queue. @throws SlayerException 404 if there is none of that id, 409 if it is not paused */
    public Job resume(String id) {
        Job job = queue.resume(id);
        new JobLog(store, id).message("Put into the queue again");
        return trainer.live(job);
    }

    /** Part of a job's events. @throws SlayerException 404 if there is none of that id */
    public Listed<StoredEvent> events(String id, Page page) {
        queue.get(id);
        trainer.flush();
        return store.events(id, page);
    }

    /** Part of a job's checkpoints. @throws SlayerException 404 if there is none of that id */
    public Listed<StoredCheckpoint> checkpoints(String id, Page page) {
        queue.get(id);
        return store.checkpoints(id, page);
    }

    /** Deletes a file. @throws SlayerException 404 if there is none of that id, 409 if a job that has not ended needs it */
    public void deleteFile(String id) {
        files.delete(id, queue::working);
    }

    /** Whether a model was made by a job. */
    public boolean made(String model) {
        return store.jobs(List.of(JobStatus.SUCCEEDED.text())).stream()
                .anyMatch(job -> Job.of(job).plan().name().equals(model));
    }

    /** Stops the running job after its step, saves it, and waits for that: the models that it uses must stay open until then. */
    @Override
    public void close() {
        queue.close();
        validator.close();
        trainer.close();
    }
}
