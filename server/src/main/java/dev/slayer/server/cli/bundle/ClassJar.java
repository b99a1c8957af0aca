package dev.slayer.server.cli.bundle;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** A folder of classes as a jar, for installations that were never packed. The same classes give the same bytes. */
final class ClassJar {
    /** The first moment that the format can say, without a time zone. */
    private static final LocalDateTime TIME = LocalDateTime.of(1980, 1, 1, 0, 0);

    private ClassJar() {}

    static Path write(Path classes, Path jar) throws IOException {
        try (Stream<Path> found = Files.walk(classes);
                ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(jar))) {
            List<String> names = found.filter(Files::isRegularFile)
                    .map(file -> classes.relativize(file).toString().replace('\\', '/'))
                    .sorted()
                    .toList();
            for (String name : names) {
                ZipEntry entry = new ZipEntry(name);
                entry.setTimeLocal(TIME);
                out.putNextEntry(entry);
                Files.copy(classes.resolve(name), out);
                out.closeEntry();
            }
        }
        return jar;
    }
}
