package dev.slayer.server.cli.bundle;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

class RuntimeImageTest {
    private static final Pattern MODULE = Pattern.compile("-> ((?:java|jdk)\\.[a-z.]+)$", Pattern.MULTILINE);
    private static final Set<String> LEFT_OUT = Set.of("jdk.attach", "jdk.jdi", "jdk.incubator.vector");
    /** Tests' libraries, which are on this class path but in no bundle. */
    private static final Pattern OF_TESTS = Pattern.compile(
            "(junit|jqwik|assertj|archunit|byte-buddy|surefire|opentest4j|apiguardian|json-schema|test-classes).*");

    @Test
    void theRuntimeHasEveryModuleThatTheClassPathNames() {
        ToolProvider jdeps = ToolProvider.findFirst("jdeps").orElse(null);
        Assumptions.assumeTrue(jdeps != null, "this Java has no jdeps, which tells what the class path needs");
        Set<String> needed = new TreeSet<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            if (!OF_TESTS.matcher(Path.of(entry).getFileName().toString()).matches()) {
                needed.addAll(modules(jdeps, entry));
            }
        }
        needed.removeAll(LEFT_OUT);
        assertThat(needed).contains("java.base", "java.net.http", "java.sql", "jdk.unsupported");
        assertThat(RuntimeImage.MODULES).containsAll(needed);
        assertThat(RuntimeImage.MODULES).isSorted();
    }

    private static List<String> modules(ToolProvider jdeps, String entry) {
        StringWriter said = new StringWriter();
        PrintWriter out = new PrintWriter(said);
        int code = jdeps.run(
                out,
                out,
                "--ignore-missing-deps",
                "--multi-release",
                Integer.toString(Runtime.version().feature()),
                "-s",
                entry);
        assertThat(code).as(entry + ": " + said).isIn(0, 1, 2, 3);
        return MODULE.matcher(said.toString())
                .results()
                .map(match -> match.group(1))
                .toList();
    }
}
