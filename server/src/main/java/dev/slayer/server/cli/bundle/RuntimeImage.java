package dev.slayer.server.cli.bundle;

import dev.slayer.surgery.SlayerException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.spi.ToolProvider;

/** A Java runtime with the modules that Slayer and its libraries need, cut out of the running JDK by its jlink. */
final class RuntimeImage {
    /**
     * What jdeps finds in the class path, and jdk.zipfs, which is found by name only. Left out on purpose: jdk.attach and jdk.jdi,
     * for debuggers inside Javassist, and jdk.incubator.vector, which Lucene uses where a command line asks for it.
     */
    static final List<String> MODULES = List.of(
            "java.base",
            "java.compiler",
            "java.desktop",
            "java.instrument",
            "java.logging",
            "java.management",
            "java.naming",
            "java.net.http",
            "java.scripting",
            "java.sql",
            "java.transaction.xa",
            "java.xml",
            "jdk.jfr",
            "jdk.management",
            "jdk.net",
            "jdk.unsupported",
            "jdk.zipfs");

    private RuntimeImage() {}

    /**
     * Writes it. The same JDK gives the same bytes.
     *
     * @param folder must not exist
     * @throws SlayerException 400 if this Java cannot link
     */
    static void link(Path folder) {
        String java = System.getProperty("java.home");
        ToolProvider jlink = ToolProvider.findFirst("jlink")
                .orElseThrow(() -> SlayerException.badRequest(
                        "JAVA_HOME",
                        "the Java in " + java
                                + " has no jlink, which makes the bundle's runtime; run this in a checkout,"
                                + " with JAVA_HOME set to a full JDK 25 or newer."));
        StringWriter said = new StringWriter();
        PrintWriter log = new PrintWriter(said);
        int code = jlink.run(
                log,
                log,
                "--add-modules",
                String.join(",", MODULES),
                "--no-header-files",
                "--no-man-pages",
                "--output",
                folder.toString());
        if (code != 0) {
            throw SlayerException.badRequest(
                    "JAVA_HOME",
                    "jlink of the Java in " + java + " made no runtime; use an unchanged JDK 25 or newer. It says: "
                            + said.toString().strip());
        }
    }
}
