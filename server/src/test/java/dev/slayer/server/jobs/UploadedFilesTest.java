package dev.slayer.server.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.server.store.JobStore;
import dev.slayer.server.store.Page;
import dev.slayer.server.store.StoredFile;
import dev.slayer.server.store.VariantStore;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UploadedFilesTest {
    private static final Page ALL = new Page(Optional.empty(), 100, true);

    @TempDir
    Path folder;

    @Test
    void anExpiredFileIsGoneUnlessAJobStillNeedsIt() throws IOException {
        try (VariantStore variants = VariantStore.open(folder)) {
            JobStore store = variants.jobs().orElseThrow();
            UploadedFiles files = new UploadedFiles(store, JobSettings.DEFAULTS);
            StoredFile kept = upload(files, "kept.jsonl", Duration.ofHours(1));
            StoredFile free = expired(store, files, "file-free");
            StoredFile needed = expired(store, files, "file-needed");
            store.addJob(job(needed.id(), JobStatus.QUEUED).stored());

            assertThat(files.list(Optional.empty(), ALL).entries())
                    .extracting(StoredFile::id)
                    .containsExactly(needed.id(), kept.id());
            assertThat(files.folder().resolve(free.stored())).doesNotExist();
            assertThat(files.folder().resolve(needed.stored())).exists();
            assertThatThrownBy(() -> files.get(needed.id()))
                    .isInstanceOfSatisfying(
                            SlayerException.class,
                            gone -> assertThat(gone.status()).isEqualTo(404));

            store.updateJob(job(needed.id(), JobStatus.FAILED).stored());
            assertThat(files.list(Optional.empty(), ALL).entries()).containsExactly(kept);
            assertThat(files.folder().resolve(needed.stored())).doesNotExist();
        }
    }

    private static StoredFile upload(UploadedFiles files, String name, Duration life) throws IOException {
        UploadedFiles.Upload upload = files.begin();
        Files.writeString(upload.part(), "{}");
        return files.keep(upload, name, "fine-tune", Optional.of(life));
    }

    private static StoredFile expired(JobStore store, UploadedFiles files, String id) throws IOException {
        Instant before = Instant.now().minusSeconds(10);
        StoredFile file = new StoredFile(
                id, "a.jsonl", "fine-tune", id + ".jsonl", 2, before, Optional.of(before.plusSeconds(1)));
        Files.writeString(files.folder().resolve(file.stored()), "{}");
        store.addFile(file);
        return file;
    }

    private static Job job(String file, JobStatus status) {
        ObjectNode nothing = JsonNodeFactory.instance.objectNode();
        JobPlan plan = new JobPlan("base", "base", file, null, null, 1, nothing, nothing, nothing, "", "ft-base-1");
        return new Job("ftjob-1", Instant.now(), status, 1, plan, JobProgress.NONE);
    }
}
