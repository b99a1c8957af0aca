package dev.slayer.server.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Optional;

/**
 * What a server computes on and with, for /version: no paths.
 *
 * @param devices such as {@code cpu} or {@code cuda:0 (NVIDIA H200)}
 * @param onnxruntime version of ONNX Runtime
 * @param cuda version of CUDA's libraries
 * @param driver newest CUDA that the driver runs
 * @param features of ONNX Runtime's operators on the device
 */
public record RuntimeFacts(
        List<String> devices,
        Optional<String> onnxruntime,
        Optional<String> cuda,
        Optional<String> driver,
        List<String> features) {
    /** Nothing computes. */
    public static final RuntimeFacts NONE =
            new RuntimeFacts(List.of(), Optional.empty(), Optional.empty(), Optional.empty(), List.of());

    public RuntimeFacts {
        devices = List.copyOf(devices);
        features = List.copyOf(features);
    }

    /** The processor. */
    public static RuntimeFacts cpu(String onnxruntime) {
        return new RuntimeFacts(
                List.of("cpu"), Optional.of(onnxruntime), Optional.empty(), Optional.empty(), List.of());
    }

    /** Adds what there is to say. */
    void writeTo(ObjectNode json) {
        if (!devices.isEmpty()) {
            devices.forEach(json.putArray("devices")::add);
        }
        onnxruntime.ifPresent(version -> json.put("onnxruntime", version));
        cuda.ifPresent(version -> json.put("cuda", version));
        driver.ifPresent(version -> json.put("driver_cuda", version));
        if (!features.isEmpty()) {
            features.forEach(json.putArray("features")::add);
        }
    }
}
