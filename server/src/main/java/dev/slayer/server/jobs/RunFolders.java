package dev.slayer.server.jobs;

import dev.slayer.server.store.JobStore;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Where the runs of jobs lie. An ended one needs no checkpoints any more, which are the bulk of it; a cancelled one nothing. */
final class RunFolders {
    private final Path folder;

    RunFolders(JobStore store) {
        this.folder = store.folder().resolve("jobs");
    }

    /** The folder of a job's run. */
    Path of(String job) {
        return folder.resolve(job);
    }

    /** Removes what an ended job leaves. */
    synchronized void clean(Job job) {
        Path run = of(job.id());
        try {
            if (job.status() == JobStatus.CANCELLED) {
                delete(run);
            } else {
                delete(run.resolve("checkpoints"));
                delete(run.resolve("delta"));
            }
        } catch (IOException e) {
            throw SlayerException.internal("the run of " + job.id() + " cannot be removed: " + e, e);
        }
    }

    /** Cleans up after a process that ended between the end of a job and its {@link #clean}. */
    void sweep(JobStore store) {
        if (!Files.isDirectory(folder)) {
            return;
        }
        List<Path> runs = new ArrayList<>();
        try (DirectoryStream<Path> found = Files.newDirectoryStream(folder, "ftjob-*")) {
            found.forEach(runs::add);
        } catch (IOException e) {
            throw SlayerException.internal("the folder " + folder + " cannot be read: " + e, e);
        }
        for (Path run : runs) {
            store.job(run.getFileName().toString())
                    .map(Job::of)
                    .filter(job -> job.status().ended())
                    .ifPresent(this::clean);
        }
    }

    private static void delete(Path root) throws IOException {
        if (!Files.exists(root)) {
            return;
        }
        try (Stream<Path> all = Files.walk(root)) {
            for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
