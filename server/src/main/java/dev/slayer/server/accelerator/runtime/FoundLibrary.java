package dev.slayer.server.accelerator.runtime;

import java.nio.file.Path;
import java.util.List;

/**
 * A build of ONNX Runtime with its CUDA provider.
 *
 * @param library the file to load
 * @param version of it
 * @param needed CUDA libraries that the provider loads, by name
 * @param origin where it comes from, for people
 */
record FoundLibrary(Path library, LibraryVersion version, List<String> needed, String origin) {
    FoundLibrary {
        needed = List.copyOf(needed);
    }
}
