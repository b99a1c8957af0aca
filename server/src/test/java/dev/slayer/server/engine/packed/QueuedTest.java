package dev.slayer.server.engine.packed;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.accelerator.HostAccelerator;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.onnx.Graph;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.server.onnx.Session;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Opening a session and closing it take and give back memory of a device, so both wait while somebody records there. */
@Timeout(60)
class QueuedTest {
    private static final Set<Thread.State> WAITS = EnumSet.of(Thread.State.WAITING, Thread.State.TERMINATED);

    @Test
    void sessionsAreOpenedAndClosedOnlyWhenNobodyIsAlone() throws InterruptedException {
        Graph graph = DrawGraph.greedy(ModelConfig.read(Golden.checkpoint("slayer-tiny")));
        HostAccelerator accelerator = new HostAccelerator(1 << 20);
        try (OnnxRuntime runtime = OnnxRuntime.open(1)) {
            AtomicReference<Session> session = new AtomicReference<>();
            assertWaits(accelerator, () -> session.set(Queued.session(runtime, accelerator, graph, false)));
            assertThat(session.get()).isNotNull();
            assertWaits(accelerator, () -> Queued.close(accelerator, session.get()));
        }
    }

    private static void assertWaits(HostAccelerator accelerator, Runnable action) throws InterruptedException {
        Thread thread = Thread.ofPlatform().unstarted(action);
        boolean alone = accelerator.alone(() -> {
            thread.start();
            while (!WAITS.contains(thread.getState())) {
                Thread.onSpinWait();
            }
            assertThat(thread.getState()).isEqualTo(Thread.State.WAITING);
        });
        assertThat(alone).isTrue();
        thread.join();
    }
}
