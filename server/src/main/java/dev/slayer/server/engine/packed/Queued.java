package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.Accelerator;
import dev.slayer.server.onnx.Binding;
import dev.slayer.server.onnx.Graph;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.server.onnx.Session;
import java.util.concurrent.atomic.AtomicReference;

/** Sessions on a device, and runs put into its queue: what may take or give back memory, and so waits while somebody records. */
final class Queued {
    private static final int NO_RECORDING = -1;

    private Queued() {}

    /**
     * Opens a session, to be closed by {@link #close}.
     *
     * @param records whether its runs may be recorded
     */
    static Session session(OnnxRuntime runtime, Accelerator accelerator, Graph graph, boolean records) {
        AtomicReference<Session> opened = new AtomicReference<>();
        accelerator.among(() -> opened.set(runtime.session(graph, accelerator.placement(), records)));
        return opened.get();
    }

    /** Closes a session. */
    static void close(Accelerator accelerator, Session session) {
        accelerator.among(session::close);
    }

    /** Queues a run of what is bound. */
    static void run(Accelerator accelerator, Binding binding) {
        accelerator.among(() -> binding.queue(NO_RECORDING));
    }
}
