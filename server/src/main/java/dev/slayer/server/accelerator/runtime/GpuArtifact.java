package dev.slayer.server.accelerator.runtime;

import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.net.URL;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The build that Maven's profile {@code gpu} puts on the class path: native libraries of an artifact whose classes are not used. */
final class GpuArtifact {
    private static final String FOLDER = "/org/bytedeco/onnxruntime/linux-x86_64-gpu/";
    private static final List<String> FILES =
            List.of("libonnxruntime.so.1", "libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so");

    private GpuArtifact() {}

    /** Folder of its libraries, unpacked if they were not yet; empty without the profile. */
    static Optional<Path> unpack() {
        URL first = GpuArtifact.class.getResource(FOLDER + FILES.getFirst());
        if (first == null) {
            return Optional.empty();
        }
        try {
            String folder =
                    "onnxruntime-gpu-" + Integer.toHexString(first.toString().hashCode()) + "-"
                            + Long.toHexString(first.openConnection().getLastModified());
            for (String name : FILES) {
                URL file = GpuArtifact.class.getResource(FOLDER + name);
                if (file != null) {
                    var _ = UnpackedResource.into(folder, file);
                }
            }
            return Optional.of(UnpackedResource.into(folder, first).getParent());
        } catch (IOException e) {
            throw SlayerException.internal(
                    "The gpu profile's libraries could not be unpacked: " + e.getMessage() + ".", e);
        }
    }
}
