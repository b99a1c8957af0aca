package dev.slayer.server.onnx;

import dev.slayer.server.accelerator.runtime.UnpackedResource;
import java.io.IOException;
import java.net.URL;
import java.nio.file.Path;
import java.util.Locale;

/** Finds ONNX Runtime's native library in the official Java artifact and unpacks it once per user. */
final class NativeLibrary {
    private NativeLibrary() {}

    /** Path of the CPU library, unpacked if this version was not yet. */
    static Path unpack() {
        String name = resourceName(System.getProperty("os.name"), System.getProperty("os.arch"));
        URL resource = NativeLibrary.class.getResource(name);
        if (resource == null) {
            throw new OnnxException("The onnxruntime artifact has no library " + name + " for this machine.", null);
        }
        try {
            return UnpackedResource.of(resource, "onnxruntime");
        } catch (IOException e) {
            throw new OnnxException("ONNX Runtime's library could not be unpacked: " + e.getMessage(), e);
        }
    }

    /** Where the artifact keeps the library of a platform. */
    static String resourceName(String os, String arch) {
        String system = os.toLowerCase(Locale.ROOT);
        String cpu = arch.equals("aarch64") || arch.equals("arm64") ? "aarch64" : "x64";
        if (system.contains("mac")) {
            return "/ai/onnxruntime/native/osx-" + cpu + "/libonnxruntime.dylib";
        }
        if (system.contains("win")) {
            return "/ai/onnxruntime/native/win-" + cpu + "/onnxruntime.dll";
        }
        return "/ai/onnxruntime/native/linux-" + cpu + "/libonnxruntime.so";
    }
}
