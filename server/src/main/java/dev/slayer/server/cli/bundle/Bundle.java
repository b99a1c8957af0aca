package dev.slayer.server.cli.bundle;

import dev.slayer.server.accelerator.runtime.GpuLibraries;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Everything that runs Slayer on a machine without network, JDK and Maven: a Java runtime, jars with their native libraries, the
 * launcher, slayer-tiny. One archive in parts, {@code SHA256SUMS} and {@code unpack.sh}. The same installation and the same JDK
 * give the same bytes.
 */
public final class Bundle {
    private static final String ARCHIVE = "slayer-bundle.tar.gz";
    private static final String SUMS = "SHA256SUMS";
    private static final String SCRIPT = "unpack.sh";
    private static final String STAGING = ".slayer-bundle";

    private Bundle() {}

    /**
     * What was written.
     *
     * @param folder it lies in
     * @param files in the archive
     * @param parts of the archive
     * @param bytes of all parts together
     */
    public record Written(Path folder, int files, int parts, long bytes) {}

    /**
     * Writes a bundle; parts appear when all are complete. If it fails, the folder is left as it was found.
     *
     * @throws SlayerException 400 if the folder is not empty, this Java cannot make a runtime, the parts are too many, or libraries for GPUs are missing; 500 if
     *     something cannot be read or written
     */
    public static Written write(BundleSettings settings, Installation installation) {
        Path out = settings.out();
        Path staging = out.resolve(STAGING);
        boolean made = !Files.exists(out);
        try {
            requireEmpty(out);
            Files.createDirectories(staging);
            try {
                return write(settings, installation, staging);
            } finally {
                delete(staging);
                if (made && isEmpty(out)) {
                    Files.delete(out);
                }
            }
        } catch (IOException e) {
            throw SlayerException.internal("the bundle cannot be written to " + out + ": " + e, e);
        }
    }

    private static Written write(BundleSettings settings, Installation installation, Path staging) throws IOException {
        Map<String, Path> gpuLibraries = settings.gpuLibraries()
                .map(folder -> GpuLibraries.in(BundleSettings.GPU_LIBRARIES.option(), folder))
                .orElseGet(TreeMap::new);
        Path runtime = staging.resolve("runtime");
        RuntimeImage.link(runtime);
        BundleContents contents = BundleContents.of(installation, settings.training(), gpuLibraries, runtime, staging);
        Path complete = Files.createDirectory(staging.resolve("complete"));
        PartStream parts = new PartStream(complete, ARCHIVE, settings.partBytes());
        try (parts) {
            Archive.write(contents.files(), parts);
        }
        List<Checksum> sums = new ArrayList<>(parts.parts());
        sums.add(script(complete));
        Files.writeString(
                complete.resolve(SUMS), sums.stream().map(Checksum::line).collect(Collectors.joining()));
        long bytes = 0;
        for (Checksum part : parts.parts()) {
            bytes += Files.size(complete.resolve(part.file()));
        }
        try (Stream<Path> files = Files.list(complete)) {
            for (Path file : files.toList()) {
                Files.move(file, settings.out().resolve(file.getFileName()));
            }
        }
        return new Written(
                settings.out(), contents.files().size(), parts.parts().size(), bytes);
    }

    private static Checksum script(Path folder) throws IOException {
        try (InputStream script = Bundle.class.getResourceAsStream(SCRIPT)) {
            byte[] text = script.readAllBytes();
            Files.write(folder.resolve(SCRIPT), text);
            return Checksum.of(SCRIPT, text);
        }
    }

    private static void requireEmpty(Path out) throws IOException {
        if (Files.exists(out) && (!Files.isDirectory(out) || !isEmpty(out))) {
            throw SlayerException.badRequest(
                    BundleSettings.OUT.option(),
                    "--out: " + out + " is not an empty folder; name one that is empty or does not exist.");
        }
    }

    private static boolean isEmpty(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.findAny().isEmpty();
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
