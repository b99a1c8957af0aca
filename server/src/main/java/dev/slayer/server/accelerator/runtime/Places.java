package dev.slayer.server.accelerator.runtime;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Where libraries are looked for.
 *
 * @param named file or folder that the user gave; nothing else is looked at for ONNX Runtime then
 * @param bundled folder of libraries that came with a bundle, if this is one
 * @param environment the process's variables
 * @param root that system folders such as {@code usr/lib} lie in
 * @param cache libraries that the system's linker knows, by name
 * @param artifact folder of the build from the class path, if one is there
 */
record Places(
        Optional<Path> named,
        Optional<Path> bundled,
        Map<String, String> environment,
        Path root,
        Supplier<Map<String, Path>> cache,
        Supplier<Optional<Path>> artifact) {
    Places {
        environment = Map.copyOf(environment);
    }

    /** This machine's. */
    static Places ofThisMachine(Optional<Path> named, Map<String, String> environment) {
        Optional<Path> bundled = Optional.ofNullable(System.getProperty("slayer.root"))
                .map(home -> Path.of(home, "libraries"))
                .filter(Files::isDirectory);
        return new Places(named, bundled, environment, Path.of("/"), LinkerCache::read, GpuArtifact::unpack);
    }
}
