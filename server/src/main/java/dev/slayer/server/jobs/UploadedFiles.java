package dev.slayer.server.jobs;

import dev.slayer.server.store.JobStore;
import dev.slayer.server.store.Listed;
import dev.slayer.server.store.Page;
import dev.slayer.server.store.StoredFile;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Files that clients have uploaded, in a folder of the data folder, each under its id: what a client calls it never becomes a path.
 * Thread-safe; methods wait for the disk.
 */
public final class UploadedFiles {
    /** What files are uploaded for; only {@code fine-tune} ones are trained on. */
    public static final Set<String> PURPOSES =
            Set.of("fine-tune", "assistants", "batch", "vision", "user_data", "evals");

    /** What the server itself makes. */
    static final String RESULTS = "fine-tune-results";

    private static final int MOST_FILES = 10_000;
    private static final int LONGEST_NAME = 255;
    private static final List<String> KINDS =
            List.of(".jsonl", ".jsonl.gz", ".jsonl.zst", ".txt", ".txt.gz", ".txt.zst", ".parquet", ".json", ".csv");
    private static final String PART = ".part";

    private final JobStore store;
    private final Path folder;
    private final JobSettings settings;
    private long reserved; // bytes of uploads under way; guarded by this

    /** Opens the folder, making it if there is none, and removes what broken uploads have left. */
    UploadedFiles(JobStore store, JobSettings settings) {
        this.store = store;
        this.folder = store.folder().resolve("files");
        this.settings = settings;
        try {
            Files.createDirectories(folder);
            try (DirectoryStream<Path> left = Files.newDirectoryStream(folder, "*" + PART)) {
                for (Path part : left) {
                    Files.delete(part);
                }
            }
        } catch (IOException e) {
            throw SlayerException.internal("the folder of files " + folder + " cannot be used: " + e, e);
        }
    }

    /** Where the files are. */
    Path folder() {
        return folder;
    }

    /** Most bytes of a file. */
    public long maxFileBytes() {
        return settings.maxFileBytes();
    }

    /**
     * An upload that has begun: bytes may be written to the file, up to the limit.
     *
     * @param part where to
     */
    public record Upload(String id, Path part) {}

    /**
     * Begins an upload; {@link #keep} or {@link #drop} must follow.
     *
     * @throws SlayerException 507 if there is no room for a file of the largest size
     */
    public Upload begin() {
        purge();
        synchronized (this) {
            Usage usage = usage();
            if (usage.files >= MOST_FILES
                    || usage.bytes + reserved + settings.maxFileBytes() > settings.maxFilesBytes()) {
                throw new SlayerException(
                        413,
                        "storage_full",
                        "file",
                        "There are " + usage.files + " files of " + usage.bytes + " bytes, and another could have "
                                + settings.maxFileBytes() + " (--max-file); allowed are " + MOST_FILES + " files and "
                                + settings.maxFilesBytes() + " bytes (--max-files). Delete some first.",
                        null);
            }
            reserved += settings.maxFileBytes();
        }
        String id = Ids.next("file-");
        return new Upload(id, folder.resolve(id + PART));
    }

    private record Usage(long files, long bytes) {}

    private Usage usage() {
        Listed<StoredFile> all = store.files(Optional.empty(), new Page(Optional.empty(), MOST_FILES, false));
        return new Usage(
                all.entries().size(),
                all.entries().stream().mapToLong(StoredFile::bytes).sum());
    }

    private synchronized void release() {
        reserved -= settings.maxFileBytes();
    }

    /** Forgets an upload that did not come to its end. */
    public void drop(Upload upload) {
        try {
            Files.deleteIfExists(upload.part());
        } catch (IOException e) {
            throw SlayerException.internal("the unfinished upload " + upload.part() + " cannot be removed: " + e, e);
        } finally {
            release();
        }
    }

    /**
     * Keeps an upload whose bytes are all there.
     *
     * @param filename what the client calls it
     * @param expiresAfter counted from now
     * @throws SlayerException 400 if name or purpose cannot be; the upload is dropped then
     */
    public StoredFile keep(Upload upload, String filename, String purpose, Optional<Duration> expiresAfter) {
        boolean kept = false;
        try {
            requireName(filename);
            if (!PURPOSES.contains(purpose)) {
                throw SlayerException.badRequest(
                        "purpose",
                        "purpose='" + shown(purpose) + "' is unknown; allowed: "
                                + String.join(", ", PURPOSES.stream().sorted().toList()) + ".");
            }
            StoredFile file = move(upload.id(), upload.part(), filename, purpose, expiresAfter);
            kept = true;
            release();
            return file;
        } finally {
            if (!kept) {
                drop(upload);
            }
        }
    }

    private static void requireName(String filename) {
        boolean plain = filename.codePoints().noneMatch(c -> c == '/' || c == '\\' || Character.isISOControl(c));
        if (filename.isBlank() || filename.length() > LONGEST_NAME || !plain) {
            throw SlayerException.badRequest(
                    "file",
                    "The file's name '" + shown(filename) + "' cannot be used; allowed: 1 to " + LONGEST_NAME
                            + " characters, no slashes, no control characters.");
        }
    }

    private StoredFile move(String id, Path from, String filename, String purpose, Optional<Duration> expiresAfter) {
        String stored = id
                + KINDS.stream()
                        .filter(filename.toLowerCase(java.util.Locale.ROOT)::endsWith)
                        .findFirst()
                        .orElse("");
        Instant now = Instant.now();
        try {
            StoredFile file =
                    new StoredFile(id, filename, purpose, stored, Files.size(from), now, expiresAfter.map(now::plus));
            Files.move(from, folder.resolve(stored), StandardCopyOption.ATOMIC_MOVE);
            store.addFile(file);
            return file;
        } catch (IOException e) {
            throw SlayerException.internal("the file " + from + " cannot be kept: " + e, e);
        }
    }

    /** Makes a file of a copy of one of the server's own. */
    StoredFile adopt(Path content, String filename) {
        String id = Ids.next("file-");
        Path part = folder.resolve(id + PART);
        try {
            Files.copy(content, part);
        } catch (IOException e) {
            throw SlayerException.internal(content + " cannot be copied to " + folder + ": " + e, e);
        }
        return move(id, part, filename, RESULTS, Optional.empty());
    }

    /** A file. @throws SlayerException 404 if there is none of that id */
    public StoredFile get(String id) {
        return store.file(id).filter(file -> !expired(file)).orElseThrow(() -> missing(id, "file_id"));
    }

    /** The bytes of a file. @throws SlayerException 404 if there is none of that id */
    public Path content(String id) {
        return folder.resolve(get(id).stored());
    }

    /** Part of the list. */
    public Listed<StoredFile> list(Optional<String> purpose, Page page) {
        purge();
        return store.files(purpose, page);
    }

    /**
     * Deletes a file.
     *
     * @param users jobs that need files
     * @throws SlayerException 404 if there is none of that id, 409 if a job needs it
     */
    void delete(String id, Supplier<List<Job>> users) {
        StoredFile file = get(id);
        List<String> needing =
                users.get().stream().filter(job -> needs(job, id)).map(Job::id).toList();
        if (!needing.isEmpty()) {
            throw new SlayerException(
                    409,
                    "file_in_use",
                    "file_id",
                    "The file '" + id + "' is used by " + String.join(", ", needing) + "; cancel that first.",
                    null);
        }
        remove(file);
    }

    private static boolean needs(Job job, String file) {
        return file.equals(job.plan().trainingFile()) || file.equals(job.plan().validationFile());
    }

    private void remove(StoredFile file) {
        store.removeFile(file.id());
        try {
            Files.deleteIfExists(folder.resolve(file.stored()));
        } catch (IOException e) {
            throw SlayerException.internal("the file " + file.stored() + " cannot be deleted: " + e, e);
        }
    }

    private static boolean expired(StoredFile file) {
        return file.expires().isPresent() && file.expires().get().isBefore(Instant.now());
    }

    /** Deletes what has expired and no job needs. */
    private void purge() {
        List<Job> users = null;
        for (StoredFile file : store.files(Optional.empty(), new Page(Optional.empty(), MOST_FILES, false))
                .entries()) {
            if (expired(file)) {
                users = users == null
                        ? store
                                .jobs(JobStatus.WORK.stream()
                                        .map(JobStatus::text)
                                        .toList())
                                .stream()
                                .map(Job::of)
                                .toList()
                        : users;
                if (users.stream().noneMatch(job -> needs(job, file.id()))) {
                    remove(file);
                }
            }
        }
    }

    static SlayerException missing(String id, String param) {
        return new SlayerException(
                404, "file_not_found", param, "There is no file '" + shown(id) + "'; GET /v1/files lists them.", null);
    }

    static String shown(String text) {
        String cut = text.length() <= 80 ? text : text.substring(0, 80) + "...";
        return cut.codePoints()
                .map(c -> Character.isISOControl(c) ? ' ' : c)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }
}
