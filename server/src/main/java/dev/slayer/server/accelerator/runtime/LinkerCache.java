package dev.slayer.server.accelerator.runtime;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Libraries that the system's linker finds by name, as {@code ldconfig -p} lists them. */
final class LinkerCache {
    private static final Logger LOG = LoggerFactory.getLogger(LinkerCache.class);
    private static final Pattern LINE = Pattern.compile("\\s*(\\S+) \\(libc6,(x86-64|AArch64)[^)]*\\) => (/.+)");
    private static final int MOST = 100_000;

    private LinkerCache() {}

    /** All of them; none where there is no ldconfig, as on small images. */
    static Map<String, Path> read() {
        return Stream.of("/sbin/ldconfig", "/usr/sbin/ldconfig", "/bin/ldconfig")
                .filter(program -> Files.isExecutable(Path.of(program)))
                .findFirst()
                .map(LinkerCache::run)
                .orElse(Map.of());
    }

    private static Map<String, Path> run(String program) {
        Map<String, Path> found = new HashMap<>();
        try {
            Process process = new ProcessBuilder(program, "-p")
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            try (BufferedReader lines =
                    new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
                lines.lines().limit(MOST).forEach(line -> add(found, line));
            }
        } catch (IOException e) {
            LOG.debug("{} could not be asked for libraries", program, e);
        }
        return found;
    }

    static void add(Map<String, Path> found, String line) {
        Matcher parts = LINE.matcher(line);
        if (parts.matches()) {
            found.putIfAbsent(parts.group(1), Path.of(parts.group(3)));
        }
    }
}
