package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.Accelerator;
import dev.slayer.server.onnx.Binding;

/** Runs put into a device's queue. */
final class Queued {
    private static final int NO_RECORDING = -1;

    private Queued() {}

    /** Queues a run of what is bound. ONNX Runtime may take memory for it, so it waits while somebody records. */
    static void run(Accelerator accelerator, Binding binding) {
        accelerator.among(() -> binding.queue(NO_RECORDING));
    }
}
