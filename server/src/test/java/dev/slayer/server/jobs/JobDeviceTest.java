package dev.slayer.server.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.store.Page;
import dev.slayer.server.store.StoredEvent;
import dev.slayer.server.store.VariantStore;
import dev.slayer.server.text.Tokenizer;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Namespace;
import dev.slayer.training.run.DeviceAccess;
import dev.slayer.training.torch.Placement;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.bytedeco.javacpp.PointerScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Real jobs on what the server says: the processor, a GPU that is not there, and a device whose memory runs out. */
@Timeout(180)
class JobDeviceTest {
    private static final JobSettings ROOMY = new JobSettings(1L << 30, 1, 1 << 20, 8 << 20);
    /** No machine has so many numbers. */
    private static final long TOO_MANY = 1L << 44;

    @TempDir
    Path folder;

    /** A desk that lends one checkpoint and takes deltas to where nobody looks. */
    private record Desk(Checkpoint base, Tokenizer tokenizer, Path taken) implements TrainableModels, DeltaShelf {
        @Override
        public Held hold(String model) {
            return new Held(
                    "base", "", new TreeSet<>(), false, base, Namespace.BASE_ONLY, _ -> base, tokenizer, () -> {});
        }

        @Override
        public void requireOpen() {}

        @Override
        public void publish(Path delta, String name) {
            try {
                Files.move(delta, taken.resolve(name));
            } catch (IOException e) {
                throw SlayerException.internal(delta + " stays: " + e, e);
            }
        }
    }

    private interface Use {
        void use(FineTuningJobs jobs) throws IOException;
    }

    private void with(JobSettings settings, Use use) throws IOException {
        Path data = Files.createDirectories(folder.resolve("data"));
        try (VariantStore store = VariantStore.open(data);
                Checkpoint base = Checkpoint.open(Golden.checkpoint("random-llama2"));
                Tokenizer tokenizer = Tokenizer.load(Golden.checkpoint("random-llama2"))) {
            Desk desk = new Desk(base, tokenizer, folder);
            try (FineTuningJobs jobs = new FineTuningJobs(store.jobs().orElseThrow(), desk, desk, settings)) {
                use.use(jobs);
            }
        }
    }

    private static JobRequest request(FineTuningJobs jobs, String precision) throws IOException {
        UploadedFiles.Upload upload = jobs.files().begin();
        Files.writeString(upload.part(), "{\"text\":\"the fox runs over the hills. \"}\n".repeat(40));
        String file = jobs.files()
                .keep(upload, "foxes.jsonl", "fine-tune", Optional.empty())
                .id();
        ObjectNode slayer = JsonNodeFactory.instance.objectNode().put("name", "expand");
        slayer.put("slots", "1").put("recipe", """
                data: {length: 32, epochs: 1000}
                optimizer: {batch: 2}
                run: {steps: 3%s}
                """.formatted(precision));
        ObjectNode nothing = JsonNodeFactory.instance.objectNode();
        return new JobRequest(
                "base",
                file,
                Optional.empty(),
                Optional.empty(),
                OptionalLong.of(7),
                nothing,
                nothing,
                Optional.of(slayer),
                new JobRequest.Hyperparameters(OptionalInt.empty(), OptionalInt.empty(), OptionalDouble.empty()));
    }

    private static Job ended(FineTuningJobs jobs, Job job) {
        Job now = jobs.get(job.id());
        while (!now.status().ended()) { // the test's time limit ends this
            LockSupport.parkNanos(5_000_000);
            now = jobs.get(job.id());
        }
        return now;
    }

    private static List<String> messages(FineTuningJobs jobs, Job job) {
        return jobs.events(job.id(), new Page(Optional.empty(), 100, false)).entries().stream()
                .map(StoredEvent::message)
                .toList();
    }

    @Test
    void aJobsDeviceIsTheServersWhichIsEnteredForTheRunAndLeftAfterIt() throws IOException {
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger entered = new AtomicInteger();
        DeviceAccess door = new DeviceAccess() {
            @Override
            public void enter() {
                inside.incrementAndGet();
                entered.incrementAndGet();
            }

            @Override
            public void leave() {
                inside.decrementAndGet();
            }
        };
        with(ROOMY.on(new JobDevice("cpu", door), 1L << 30), jobs -> {
            Job job = ended(jobs, jobs.create(request(jobs, ", precision: bfloat16")));
            assertThat(job.status()).as(String.valueOf(job.progress())).isEqualTo(JobStatus.SUCCEEDED);
            assertThat(entered.get()).isGreaterThan(3);
            assertThat(inside.get()).isZero();
            assertThat(job.plan().recipe()).as("goes on anywhere").doesNotContain("cpu");
        });
    }

    @Test
    void aGpuThatIsGoneAfterARestartFailsTheJobWithTheReason() throws IOException {
        with(ROOMY.on(new JobDevice("cuda:63", DeviceAccess.ALONE), 1L << 30), jobs -> {
            Job job = ended(jobs, jobs.create(request(jobs, "")));
            assertThat(job.status()).isEqualTo(JobStatus.FAILED);
            assertThat(job.progress().error().message()).startsWith("device=cuda:63 cannot be used: ");
            assertThat(messages(jobs, job)).contains("The job begins on cuda:63");
        });
    }

    @Test
    void memoryThatRunsOutFailsTheJobAndNotTheNext() throws IOException {
        AtomicInteger entered = new AtomicInteger();
        DeviceAccess full = new DeviceAccess() {
            @Override
            public void enter() {
                if (entered.incrementAndGet() == 3) { // after a batch has been read
                    try (PointerScope _ = new PointerScope()) {
                        var _ = Placement.CPU.zeros(TOO_MANY);
                    }
                }
            }

            @Override
            public void leave() {}
        };
        with(ROOMY.on(new JobDevice("cpu", full), 1L << 30), jobs -> {
            Job failed = ended(jobs, jobs.create(request(jobs, "")));
            assertThat(failed.status()).isEqualTo(JobStatus.FAILED);
            assertThat(failed.progress().error().code()).isEqualTo("memory_exhausted");
            assertThat(failed.progress().error().message())
                    .startsWith("cpu had no memory left for this run: ")
                    .contains(Long.toString(TOO_MANY * Float.BYTES), "recompute");
            Job next = ended(jobs, jobs.create(request(jobs, "")));
            assertThat(next.status()).as(String.valueOf(next.progress())).isEqualTo(JobStatus.SUCCEEDED);
        });
    }

    @Test
    void onAGpuTheEstimateIsInItsFormatsAndItsBudgetIsNamed() throws IOException {
        long bytes = 1 << 16;
        with(
                ROOMY.on(new JobDevice("cuda:1", DeviceAccess.ALONE), bytes),
                jobs -> assertThatThrownBy(() -> jobs.create(request(jobs, "")))
                        .isInstanceOfSatisfying(SlayerException.class, refused -> {
                            assertThat(refused.status()).isEqualTo(400);
                            assertThat(refused.code()).isEqualTo("training_memory_exceeded");
                        })
                        .hasMessageContaining("in bfloat16 needs")
                        .hasMessageContaining(
                                "0 MiB of cuda:1 that this server gives to training (--training-memory)"));
        with(
                ROOMY.on(JobDevice.CPU, bytes),
                jobs -> assertThatThrownBy(() -> jobs.create(request(jobs, "")))
                        .hasMessageContaining("in float32 needs")
                        .hasMessageContaining("0 MiB that this server"));
    }
}
