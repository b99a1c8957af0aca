package dev.slayer.server.accelerator.runtime;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** Finds shared libraries by name, where the system's linker and pip put them. */
final class SharedLibraries {
    private static final List<String> SYSTEM_FOLDERS = List.of(
            "usr/lib/x86_64-linux-gnu",
            "usr/lib/aarch64-linux-gnu",
            "lib/x86_64-linux-gnu",
            "usr/lib64",
            "lib64",
            "usr/lib",
            "usr/local/lib",
            "usr/local/nvidia/lib64",
            "usr/lib/wsl/lib");

    private final List<Path> folders = new ArrayList<>();
    private final List<Path> systemFolders;
    private final Map<String, Path> cache;

    /** @param beside folder of ONNX Runtime's own libraries, if that was found */
    SharedLibraries(Places places, Optional<Path> beside, List<Path> sites) {
        for (String folder :
                places.environment().getOrDefault("LD_LIBRARY_PATH", "").split(":")) {
            if (!folder.isEmpty()) {
                folders.add(Path.of(folder));
            }
        }
        beside.ifPresent(folders::add);
        for (Path site : sites) {
            folders.addAll(PythonSites.below(site, "nvidia", "*", "lib"));
        }
        Path usrLocal = places.root().resolve("usr/local");
        folders.addAll(PythonSites.below(usrLocal, "cuda*", "lib64"));
        folders.addAll(PythonSites.below(usrLocal, "cuda*", "targets", "*", "lib"));
        systemFolders = SYSTEM_FOLDERS.stream().map(places.root()::resolve).toList();
        cache = places.cache().get();
    }

    /** A library of that name. */
    Optional<Path> find(String soname) {
        return Stream.of(in(folders, soname), Optional.ofNullable(cache.get(soname)), in(systemFolders, soname))
                .flatMap(Optional::stream)
                .filter(Files::isRegularFile)
                .findFirst();
    }

    /** Other versions of a library than the wanted one, for messages: {@code libcudart.so.12} where .13 is wanted. */
    List<Path> others(String soname) {
        String stem = soname.substring(0, soname.indexOf(".so") + ".so".length());
        List<Path> others = new ArrayList<>();
        for (Path folder :
                Stream.concat(folders.stream(), systemFolders.stream()).toList()) {
            others.addAll(PythonSites.below(folder, stem + ".*"));
        }
        cache.forEach((name, path) -> {
            if (name.startsWith(stem + ".")) {
                others.add(path);
            }
        });
        return others.stream().distinct().filter(Files::isRegularFile).toList();
    }

    private static Optional<Path> in(List<Path> folders, String soname) {
        return folders.stream()
                .map(folder -> folder.resolve(soname))
                .filter(Files::isRegularFile)
                .findFirst();
    }
}
