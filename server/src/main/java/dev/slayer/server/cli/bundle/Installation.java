package dev.slayer.server.cli.bundle;

import dev.slayer.surgery.SlayerException;
import java.io.File;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * What a process of Slayer runs from.
 *
 * @param root folder of the launcher and test-data
 * @param classPath jars, and folders of classes where nothing was packed
 * @param server the one of them that holds the server
 * @param version of the server
 */
public record Installation(Path root, List<Path> classPath, Path server, String version) {
    public Installation {
        classPath = List.copyOf(classPath);
        if (!classPath.contains(server)) {
            throw new IllegalArgumentException(server + " is not on the class path");
        }
    }

    /**
     * This process's.
     *
     * @param main a class of the server
     * @throws SlayerException 400 if there is no launcher where the process's root is
     */
    public static Installation running(Class<?> main, String version) {
        Path root = Path.of(System.getProperty("slayer.root", "")).toAbsolutePath();
        if (!Files.isRegularFile(root.resolve("slayer"))) {
            throw SlayerException.badRequest(
                    "slayer.root", "there is no launcher in " + root + "; start this command by ./slayer bundle.");
        }
        List<Path> entries = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .map(Installation::path)
                .filter(Files::exists)
                .toList();
        return new Installation(root, entries, codeOf(main), version);
    }

    private static Path codeOf(Class<?> main) {
        try {
            return path(Path.of(main.getProtectionDomain()
                            .getCodeSource()
                            .getLocation()
                            .toURI())
                    .toString());
        } catch (URISyntaxException e) {
            throw SlayerException.internal("the place of " + main.getName() + " is no path: " + e.getMessage(), e);
        }
    }

    private static Path path(String entry) {
        return Path.of(entry).toAbsolutePath().normalize();
    }
}
