package dev.slayer.server.engine.packed;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.engine.Runner;
import dev.slayer.server.golden.Golden;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Layout;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** On the twin, which records nothing but knows who is alone: a recording waits for its chance, and steps do not. */
@Timeout(120)
class ReplaysTest {
    private static final int[] IDS = {1, 5, 9, 13, 17, 21, 25, 29};

    @Test
    void whileSomebodyElseUsesTheDeviceStepsRunUnrecordedAndLaterOnesRecord() throws InterruptedException {
        try (Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint("random-llama3"));
                PackedRig plain = new PackedRig(PackedRig.options(0));
                PackedRig rig = new PackedRig(PackedRig.options(1))) {
            Layout identity = Layout.identity(checkpoint.config().layers());
            float[][] expected = plain.logits(plain.runner("base", checkpoint), identity, IDS, 1);
            assertThat(plain.accelerator.aloneCount()).isZero();

            Runner runner = rig.runner("base", checkpoint);
            try (Busy _ = new Busy(rig)) {
                assertThat(rig.logits(runner, identity, IDS, 1)).isDeepEqualTo(expected);
            }
            assertThat(rig.accelerator.aloneCount())
                    .as("recordings while a job trains")
                    .isZero();

            assertThat(rig.logits(runner, identity, IDS, 1)).isDeepEqualTo(expected);
            int recorded = rig.accelerator.aloneCount();
            assertThat(recorded).isGreaterThanOrEqualTo(checkpoint.config().layers());

            try (Busy _ = new Busy(rig)) { // what is recorded is replayed beside it
                assertThat(rig.logits(runner, identity, IDS, 1)).isDeepEqualTo(expected);
            }
            assertThat(rig.accelerator.aloneCount()).isEqualTo(recorded);
        }
    }

    /** A thread that is among those who use the device, as a job is for as long as its step takes. */
    private static final class Busy implements AutoCloseable {
        private final CountDownLatch end = new CountDownLatch(1);
        private final Thread thread;

        Busy(PackedRig rig) throws InterruptedException {
            CountDownLatch begun = new CountDownLatch(1);
            thread = Thread.ofPlatform()
                    .start(() -> rig.accelerator.among(() -> {
                        begun.countDown();
                        try {
                            end.await();
                        } catch (InterruptedException e) {
                            throw new IllegalStateException(e);
                        }
                    }));
            begun.await();
        }

        @Override
        public void close() {
            end.countDown();
            try {
                thread.join();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
