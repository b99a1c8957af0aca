package dev.slayer.server.accelerator.runtime;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Folders that pip installs into, of the Pythons that a user has at hand. No Python is run. */
final class PythonSites {
    private PythonSites() {}

    /** All that are there: what a bundle brought first, then of the active environment, of the PATH, the system and the user. */
    static List<Path> of(Places places) {
        Set<Path> prefixes = new LinkedHashSet<>();
        variable(places, "VIRTUAL_ENV").ifPresent(prefixes::add);
        variable(places, "CONDA_PREFIX").ifPresent(prefixes::add);
        for (String folder : places.environment().getOrDefault("PATH", "").split(":")) {
            if (!folder.isEmpty()) {
                onPath(prefixes, Path.of(folder));
            }
        }
        prefixes.add(places.root().resolve("usr/local"));
        prefixes.add(places.root().resolve("usr"));
        variable(places, "HOME").map(home -> home.resolve(".local")).ifPresent(prefixes::add);
        Set<Path> sites = new LinkedHashSet<>();
        places.bundled().ifPresent(sites::add);
        prefixes.forEach(prefix -> sites(sites, prefix));
        return List.copyOf(sites);
    }

    /** What lies below a folder by names with stars, such as {@code nvidia} and {@code *} and {@code lib}, sorted. */
    static List<Path> below(Path folder, String... names) {
        List<Path> found = List.of(folder);
        for (String name : names) {
            List<Path> next = new ArrayList<>();
            found.forEach(path -> next.addAll(children(path, name)));
            found = next;
        }
        return found;
    }

    private static List<Path> children(Path folder, String name) {
        if (!name.contains("*")) {
            Path child = folder.resolve(name);
            return Files.exists(child) ? List.of(child) : List.of();
        }
        List<Path> children = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, name)) {
            entries.forEach(children::add);
        } catch (IOException e) {
            return List.of(); // not there, or not for us: nothing of ours is in it then
        }
        children.sort(null);
        return children;
    }

    private static void onPath(Set<Path> prefixes, Path folder) {
        for (String name : List.of("python3", "python")) {
            Path python = folder.resolve(name);
            if (!Files.isExecutable(python)) {
                continue;
            }
            // A virtual environment's python is a link to the one it was made from; what pip installed may be with
            // either.
            parentOf(folder).ifPresent(prefixes::add);
            real(python).flatMap(file -> parentOf(file.getParent())).ifPresent(prefixes::add);
        }
    }

    private static Optional<Path> real(Path file) {
        try {
            return Optional.of(file.toRealPath());
        } catch (IOException e) {
            return Optional.empty(); // it went away meanwhile
        }
    }

    private static Optional<Path> parentOf(Path folder) {
        return Optional.ofNullable(folder).map(Path::getParent);
    }

    private static void sites(Set<Path> sites, Path prefix) {
        for (String lib : List.of("lib", "lib64", "local/lib")) {
            sites.addAll(below(prefix.resolve(lib), "python3*", "site-packages"));
            sites.addAll(below(prefix.resolve(lib), "python3*", "dist-packages"));
        }
    }

    private static Optional<Path> variable(Places places, String name) {
        return Optional.ofNullable(places.environment().get(name))
                .filter(value -> !value.isBlank())
                .map(Path::of);
    }
}
