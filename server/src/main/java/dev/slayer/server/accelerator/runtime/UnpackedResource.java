package dev.slayer.server.accelerator.runtime;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.net.URLConnection;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** Native libraries out of jars, unpacked once per user, for loaders know files only. */
public final class UnpackedResource {
    private UnpackedResource() {}

    /**
     * The file of a resource, written if this version of it was not yet. Several processes may do so at once.
     *
     * @param artifact of which a name of the folder is made, such as {@code onnxruntime}
     * @throws IOException if it cannot be read or written
     */
    public static Path of(URL resource, String artifact) throws IOException {
        URLConnection connection = resource.openConnection();
        connection.setUseCaches(false);
        try (InputStream in = connection.getInputStream()) {
            long size = connection.getContentLengthLong();
            String version = size + "-" + Long.toHexString(connection.getLastModified());
            return unpack(in, size, cacheFolder().resolve(artifact + "-" + version), name(resource));
        }
    }

    /** The same in a folder of the user's cache, for libraries that look for each other beside them. */
    static Path into(String folder, URL resource) throws IOException {
        URLConnection connection = resource.openConnection();
        connection.setUseCaches(false);
        try (InputStream in = connection.getInputStream()) {
            return unpack(in, connection.getContentLengthLong(), cacheFolder().resolve(folder), name(resource));
        }
    }

    private static String name(URL resource) {
        return resource.getPath().substring(resource.getPath().lastIndexOf('/') + 1);
    }

    private static Path unpack(InputStream in, long size, Path folder, String name) throws IOException {
        Path library = folder.resolve(name);
        if (Files.isRegularFile(library) && Files.size(library) == size) {
            return library;
        }
        Files.createDirectories(folder);
        Path part = Files.createTempFile(folder, name, ".part");
        try {
            Files.copy(in, part, StandardCopyOption.REPLACE_EXISTING);
            Files.move(part, library, StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException e) {
            Files.move(part, library, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(part);
        }
        return library;
    }

    /** The user's cache folder, by the conventions of the platform. */
    private static Path cacheFolder() {
        String xdg = System.getenv("XDG_CACHE_HOME");
        Path base = xdg != null && Path.of(xdg).isAbsolute()
                ? Path.of(xdg)
                : Path.of(System.getProperty("user.home"), ".cache");
        return base.resolve("slayer");
    }
}
