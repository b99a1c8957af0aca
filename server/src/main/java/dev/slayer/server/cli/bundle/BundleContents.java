package dev.slayer.server.cli.bundle;

import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Which file goes where in a bundle: an installation as the launcher knows it, with a runtime beside it. */
final class BundleContents {
    private static final String LIBRARIES = "server/target/lib/";
    private static final String GPU_LIBRARIES = "libraries/"; // the launcher knows it
    private static final List<String> LIBTORCH = List.of("pytorch-", "openblas-", "mkl-", "javacpp-", "cuda-");

    private final SortedMap<String, Path> files = new TreeMap<>();

    private BundleContents() {}

    /**
     * Collects them.
     *
     * @param gpuLibraries by their path below the bundle's folder of libraries
     * @param runtime folder of a Java runtime
     * @param work folder for jars that have to be made
     * @throws SlayerException 400 if two libraries have the same name
     */
    static BundleContents of(
            Installation installation, boolean training, Map<String, Path> gpuLibraries, Path runtime, Path work)
            throws IOException {
        BundleContents contents = new BundleContents();
        Path root = installation.root();
        contents.put("slayer", root.resolve("slayer"));
        contents.put("LICENSE", root.resolve("LICENSE"));
        contents.tree("test-data/slayer-tiny/", root.resolve("test-data/slayer-tiny"));
        contents.tree("runtime/", runtime);
        gpuLibraries.forEach((name, file) -> contents.put(GPU_LIBRARIES + name, file));
        for (Path entry : installation.classPath()) {
            if (entry.equals(installation.server())) {
                contents.put(
                        "server/target/slayer-server-" + installation.version() + ".jar",
                        jar(entry, work.resolve("server.jar")));
            } else if (Files.isDirectory(entry)) {
                String name = "slayer-" + module(entry) + ".jar";
                contents.put(LIBRARIES + name, jar(entry, work.resolve(name)));
            } else if (training || !isLibtorch(entry)) {
                contents.put(LIBRARIES + entry.getFileName(), entry);
            }
        }
        return contents;
    }

    /** Files by their path in the bundle, in the order of paths. */
    SortedMap<String, Path> files() {
        return files;
    }

    private static boolean isLibtorch(Path jar) {
        String name = jar.getFileName().toString();
        return LIBTORCH.stream().anyMatch(name::startsWith);
    }

    /** The module of a folder of classes: {@code surgery} of {@code surgery/target/classes}. */
    private static String module(Path classes) {
        int names = classes.getNameCount();
        return names < 3 ? "classes" : classes.getName(names - 3).toString();
    }

    private static Path jar(Path entry, Path made) throws IOException {
        return Files.isDirectory(entry) ? ClassJar.write(entry, made) : entry;
    }

    private void tree(String prefix, Path folder) throws IOException {
        try (Stream<Path> found = Files.walk(folder)) {
            for (Path file : found.filter(Files::isRegularFile).toList()) {
                put(prefix + folder.relativize(file).toString().replace('\\', '/'), file);
            }
        }
    }

    private void put(String name, Path file) {
        if (files.putIfAbsent(name, file) != null) {
            throw SlayerException.badRequest(
                    "class path", "two files would be " + name + " in the bundle: " + files.get(name) + " and " + file);
        }
    }
}
