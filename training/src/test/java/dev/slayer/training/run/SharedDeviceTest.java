package dev.slayer.training.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Namespace;
import dev.slayer.training.data.ByteCodec;
import dev.slayer.training.golden.GoldenLayouts;
import dev.slayer.training.torch.MemoryShortage;
import dev.slayer.training.torch.Placement;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A run among others on its device: when it is there, and what becomes of it where memory runs out. */
@Timeout(120)
class SharedDeviceTest {
    private static final int STEPS = 3;
    /** No machine has so many. */
    private static final long TOO_MANY = 1L << 44;

    @TempDir
    Path folder;

    /** Counts, and knows whether the run is on the device. */
    private static final class Door implements DeviceAccess {
        private boolean inside;
        private int entered;

        @Override
        public void enter() {
            assertThat(inside).isFalse();
            inside = true;
            entered++;
        }

        @Override
        public void leave() {
            assertThat(inside).isTrue();
            inside = false;
        }
    }

    private final Door door = new Door();

    @BeforeEach
    void write() throws IOException {
        Files.writeString(folder.resolve("foxes.jsonl"), "{\"text\":\"the fox runs over hills. \"}\n".repeat(40));
    }

    private TrainingRun.Outcome run(RunListener listener) {
        String recipe = """
                method: {name: expand, slots: "1"}
                data: {sources: [foxes.jsonl], validation: ["fox=foxes.jsonl"], validation_tokens: 64, length: 32}
                optimizer: {batch: 2}
                run: {steps: %d, threads: 1}
                """.formatted(STEPS);
        try (Checkpoint base = GoldenLayouts.open("random-llama2")) {
            RunInputs inputs = new RunInputs(
                    base, "base", Namespace.BASE_ONLY, _ -> base, new ByteCodec(false), folder, "test", door);
            return new TrainingRun(recipe, inputs, folder.resolve("run"), Peers.ALONE, listener).run(new RunControl());
        }
    }

    @Test
    void aRunIsOnItsDeviceFromItsFirstTensorToItsLastExceptWhileItReads() {
        List<Boolean> there = new ArrayList<>();
        assertThat(run(_ -> there.add(door.inside)).finished()).isTrue();
        assertThat(there).hasSizeGreaterThan(STEPS).containsOnly(true);
        assertThat(door.inside).isFalse();
        // Once at first, and again after each batch that was read.
        assertThat(door.entered).isGreaterThanOrEqualTo(1 + STEPS);
    }

    @Test
    void whereMemoryRunsOutTheRunFailsSaysSoAndLeavesTheDevice() {
        assertThatThrownBy(() -> run(event -> {
                    if (event instanceof RunEvent.Stepped) {
                        try (PointerScope _ = new PointerScope()) {
                            var _ = Placement.CPU.zeros(TOO_MANY);
                        }
                    }
                }))
                .isInstanceOfSatisfying(SlayerException.class, failed -> {
                    assertThat(failed.status()).isEqualTo(507);
                    assertThat(failed.code()).isEqualTo("memory_exhausted");
                    assertThat(failed.getMessage())
                            .startsWith("cpu had no memory left for this run: ")
                            .contains(Long.toString(TOO_MANY * Float.BYTES), "micro_batch")
                            .hasLineCount(1);
                    assertThat(failed.getCause()).isInstanceOf(RuntimeException.class);
                });
        assertThat(door.inside).isFalse();
        assertThat(run(_ -> {}).finished()).as("the next run").isTrue();
    }

    @Test
    void ofADeviceItIsAnErrorOfTheDeviceAndOtherFailuresStayWhatTheyAre() {
        Placement gpu = new Placement("cuda:1", ScalarType.BFloat16);
        RuntimeException full = new RuntimeException(
                "CUDA out of memory. Tried to allocate 2.00 GiB. If reserved but unallocated memory is large try\nmore\n");
        assertThat(MemoryShortage.explained(full, gpu))
                .isInstanceOfSatisfying(
                        SlayerException.class, e -> assertThat(e.code()).isEqualTo("device_memory_exhausted"))
                .hasMessageStartingWith("cuda:1 had no memory left for this run: CUDA out of memory. Tried to allocate"
                        + " 2.00 GiB. Train fewer slots");
        RuntimeException other = new RuntimeException("The size of tensor a (2) must match");
        assertThat(MemoryShortage.explained(other, gpu)).isSameAs(other);
        SlayerException disk =
                new SlayerException(507, "insufficient_storage", null, "out of memory, says the disk", null);
        assertThat(MemoryShortage.explained(disk, gpu)).isSameAs(disk);
    }
}
