package dev.slayer.server.onnx;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.net.URLConnection;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
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
            URLConnection connection = resource.openConnection();
            connection.setUseCaches(false);
            try (InputStream in = connection.getInputStream()) {
                return unpack(in, connection.getContentLengthLong(), connection.getLastModified(), name);
            }
        } catch (IOException e) {
            throw new OnnxException("ONNX Runtime's library could not be unpacked: " + e.getMessage(), e);
        }
    }

    private static Path unpack(InputStream in, long size, long modified, String name) throws IOException {
        String file = name.substring(name.lastIndexOf('/') + 1);
        Path folder = cacheFolder().resolve("onnxruntime-" + size + "-" + Long.toHexString(modified));
        Path library = folder.resolve(file);
        if (Files.isRegularFile(library) && Files.size(library) == size) {
            return library;
        }
        Files.createDirectories(folder);
        Path part = Files.createTempFile(folder, file, ".part");
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

    /** The user's cache folder, by the conventions of the platform. */
    private static Path cacheFolder() {
        String xdg = System.getenv("XDG_CACHE_HOME");
        Path base = xdg != null && Path.of(xdg).isAbsolute()
                ? Path.of(xdg)
                : Path.of(System.getProperty("user.home"), ".cache");
        return base.resolve("slayer");
    }
}
