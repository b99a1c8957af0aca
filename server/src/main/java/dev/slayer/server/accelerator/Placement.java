package dev.slayer.server.accelerator;

import java.util.Map;

/**
 * Where ONNX Runtime runs a session's operators and where bound memory lies.
 *
 * @param provider execution provider
 * @param deviceId which of several
 * @param options of the provider, by ONNX Runtime's names
 * @param stream address of the native queue; 0 for none
 */
public record Placement(Provider provider, int deviceId, Map<String, String> options, long stream) {
    public Placement {
        options = Map.copyOf(options);
    }

    /** Execution providers. */
    public enum Provider {
        /** ONNX Runtime's own kernels; memory is the host's. */
        CPU,
        /** NVIDIA's GPUs; memory is the device's. */
        CUDA
    }

    /** The host. */
    public static final Placement HOST = new Placement(Provider.CPU, 0, Map.of(), 0);
}
