package dev.slayer.server.store;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Keeps uploaded files and training jobs. Belongs to a {@link VariantStore}, which closes it. Thread-safe; every method may wait for the
 * disk, so none is for an event loop. What a method has written when it returns survives the end of the process.
 */
public interface JobStore {
    /** The data folder, where files and runs may lie. */
    Path folder();

    void addFile(StoredFile file);

    Optional<StoredFile> file(String id);

    /**
     * Part of the list of files.
     *
     * @param purpose only files of this one, if there is one
     * @throws dev.slayer.surgery.SlayerException 404 if the page follows an entry that there is not
     */
    Listed<StoredFile> files(Optional<String> purpose, Page page);

    /** Does nothing if there is none. */
    void removeFile(String id);

    void addJob(StoredJob job);

    Optional<StoredJob> job(String id);

    /** Replaces status, position and document of a job. */
    void updateJob(StoredJob job);

    /** Part of the list of jobs. @throws dev.slayer.surgery.SlayerException as {@link #files} */
    Listed<StoredJob> jobs(Page page);

    /** Jobs with one of some statuses, those first in the queue first. */
    List<StoredJob> jobs(List<String> statuses);

    void addEvents(List<StoredEvent> events);

    /** Part of a job's events. @throws dev.slayer.surgery.SlayerException as {@link #files} */
    Listed<StoredEvent> events(String job, Page page);

    /** Adds a checkpoint, or replaces one of the same id. */
    void addCheckpoint(StoredCheckpoint checkpoint);

    /** Part of a job's checkpoints. @throws dev.slayer.surgery.SlayerException as {@link #files} */
    Listed<StoredCheckpoint> checkpoints(String job, Page page);
}
