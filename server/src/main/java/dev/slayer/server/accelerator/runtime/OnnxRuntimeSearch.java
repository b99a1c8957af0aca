package dev.slayer.server.accelerator.runtime;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Looks for a build of ONNX Runtime for CUDA 13: the named one, or of a bundle, or of pip, or of the class path. */
final class OnnxRuntimeSearch {
    static final String PROVIDER = "libonnxruntime_providers_cuda.so";
    static final String SHARED = "libonnxruntime_providers_shared.so";
    static final int CUDA = 13;
    static final int LEAST_MINOR = 24;

    private static final String CUDART = "libcudart.so.";
    private static final String REMEDY =
            "Install it with 'pip install onnxruntime-gpu' (1.27 or newer), name a build with"
                    + " --onnxruntime-library PATH, or build Slayer with the Maven profile gpu";

    private final Places places;
    private final List<Path> sites;
    private final List<Lack> lacks = new ArrayList<>();
    private final List<String> passedOver = new ArrayList<>();

    OnnxRuntimeSearch(Places places, List<Path> sites) {
        this.places = places;
        this.sites = sites;
    }

    /** What is wrong, if nothing was found. */
    List<Lack> lacks() {
        return List.copyOf(lacks);
    }

    /** The build to use; empty if there is none, see {@link #lacks}. */
    Optional<FoundLibrary> find() {
        if (places.named().isPresent()) {
            return named(places.named().get());
        }
        for (Path site : sites) {
            List<Path> libraries = libraries(site.resolve("onnxruntime/capi"));
            if (!libraries.isEmpty()) {
                Path library = libraries.getLast();
                if (Files.isRegularFile(library.resolveSibling(PROVIDER))) {
                    boolean bundled = places.bundled().equals(Optional.of(site));
                    return checked(library, bundled ? "the bundle" : "pip's onnxruntime-gpu");
                }
                passedOver.add("onnxruntime for the CPU in " + site);
            }
        }
        Optional<Path> artifact = places.artifact().get();
        if (artifact.isPresent()) {
            return libraries(artifact.get()).stream()
                    .findFirst()
                    .flatMap(library -> checked(library, "the gpu profile"));
        }
        lack(passedOver.isEmpty() ? "none" : String.join(", ", passedOver), REMEDY);
        return Optional.empty();
    }

    private Optional<FoundLibrary> named(Path named) {
        if (Files.isRegularFile(named)) {
            return checked(named, "--onnxruntime-library");
        }
        Optional<Path> library = Stream.of("", "lib", "capi", "onnxruntime/capi")
                .flatMap(folder -> libraries(named.resolve(folder)).stream())
                .findFirst();
        if (library.isEmpty()) {
            lack(
                    Files.isDirectory(named) ? "no libonnxruntime.so in " + named : "nothing at " + named,
                    "Let --onnxruntime-library name the library libonnxruntime.so or its folder");
            return Optional.empty();
        }
        return checked(library.get(), "--onnxruntime-library");
    }

    /** Libraries of ONNX Runtime itself in a folder, by name. */
    private static List<Path> libraries(Path folder) {
        return Stream.concat(
                        PythonSites.below(folder, "libonnxruntime.so").stream(),
                        PythonSites.below(folder, "libonnxruntime.so.*").stream())
                .filter(Files::isRegularFile)
                .toList();
    }

    private Optional<FoundLibrary> checked(Path library, String origin) {
        Optional<LibraryVersion> version = elf(library).flatMap(file -> version(library, file));
        if (lacks.isEmpty() && version.isEmpty()) {
            lack(library + ", which says no version", REMEDY);
        }
        version.filter(there -> !there.atLeast(1, LEAST_MINOR)).ifPresent(old -> lack(old + " at " + library, REMEDY));
        Path shared = library.resolveSibling(SHARED);
        if (!Files.isRegularFile(shared)) {
            beside(SHARED, library);
        }
        Path provider = library.resolveSibling(PROVIDER);
        if (!Files.isRegularFile(provider)) {
            beside(PROVIDER, library);
            return Optional.empty();
        }
        List<String> needed = elf(provider).map(ElfFile::needed).orElse(List.of());
        needed.stream()
                .filter(name -> name.startsWith(CUDART) && !name.equals(CUDART + CUDA))
                .forEach(name -> lacks.add(new Lack(
                        "ONNX Runtime for CUDA " + CUDA,
                        "a build for CUDA " + name.substring(CUDART.length()) + " at " + library
                                + " (its provider needs " + name + ")",
                        "one that needs " + CUDART + CUDA,
                        REMEDY)));
        if (!lacks.isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(new FoundLibrary(
                library,
                version.orElseThrow(),
                needed.stream().filter(OnnxRuntimeSearch::ofCuda).toList(),
                origin));
    }

    private static Optional<LibraryVersion> version(Path library, ElfFile file) {
        return Stream.concat(file.versions().stream(), Stream.of(realName(library)))
                .filter(name -> name.startsWith("VERS_") || name.startsWith("libonnxruntime.so."))
                .flatMap(name -> LibraryVersion.in(name).stream())
                .findFirst()
                .or(() -> LoadedVersion.of(library));
    }

    private static String realName(Path library) {
        try {
            return library.toRealPath().getFileName().toString();
        } catch (IOException e) {
            return library.getFileName().toString();
        }
    }

    /** Whether a library is one of CUDA's, which are looked for beside the system's own; the driver's own is no part of CUDA. */
    private static boolean ofCuda(String name) {
        return (name.startsWith("libcu") || name.startsWith("libnv")) && !name.startsWith("libcuda.so");
    }

    private Optional<ElfFile> elf(Path file) {
        try {
            ElfFile read = ElfFile.read(file);
            if (read.machine() == ElfFile.thisMachine()) {
                return Optional.of(read);
            }
            lack(file + ", which is for another processor", REMEDY);
        } catch (IOException e) {
            lack(file + ", which is " + e.getMessage(), REMEDY);
        }
        return Optional.empty();
    }

    private void beside(String name, Path library) {
        lacks.add(new Lack(
                name, "nothing", "it beside " + library, "Use a build for CUDA; one for the CPU has no such file"));
    }

    private void lack(String found, String remedy) {
        lacks.add(new Lack("ONNX Runtime for CUDA " + CUDA, found, "1." + LEAST_MINOR + " or newer", remedy));
    }
}
