package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The launcher script itself, in a checkout of a few empty files, with JDKs and a Maven that only note how they are called. */
@Timeout(120)
class LauncherTest {
    @TempDir
    Path temporary;

    private Path root;
    private Path home;

    @BeforeEach
    void makeCheckout() throws IOException {
        Path script = Path.of(System.getProperty("slayer.root", "..")).resolve("slayer");
        Assumptions.assumeTrue(
                Files.isExecutable(Path.of("/bin/bash")) || Files.isExecutable(Path.of("/usr/bin/bash")),
                "the launcher needs bash, which this machine does not have");
        root = Files.createDirectories(temporary.resolve("check out"));
        home = Files.createDirectories(temporary.resolve("home"));
        Files.copy(script, root.resolve("slayer"));
        Files.writeString(root.resolve("pom.xml"), "<project/>");
        Files.createDirectories(root.resolve("server/src/main/java"));
        Files.writeString(root.resolve("server/src/main/java/A.java"), "");
        executable(root.resolve("mvnw"), """
                #!/bin/bash
                echo "$JAVA_HOME|$*" >>mvnw.calls
                [ -f mvnw.slow ] && sleep 2
                if [ -f mvnw.broken ]; then echo '[INFO] chatter'; echo '[ERROR] A.java: it broke'; exit 7; fi
                echo '[INFO] Tests run: 3, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 1 s -- in a.ATest'
                echo '[INFO] Tests run: 3, Failures: 0, Errors: 0, Skipped: 0'
                mkdir -p server/target/lib && touch server/target/slayer-server-1.jar
                """);
        executable(root.resolve("slayer"), Files.readString(script));
    }

    @Test
    void itBuildsOnceAndHandsTheArgumentsOnAsTheyAre() throws Exception {
        Path jdk = jdk(temporary.resolve("jdk"), "25.0.1");
        Run first = slayer(Map.of("JAVA_HOME", jdk.toString()), "serve", "--model", "a b", "", "$x");
        assertThat(first.code()).as(first.err()).isZero();
        assertThat(first.out())
                .contains("<dev.slayer.server.cli.Main><serve><--model><a b><><$x>")
                .contains("<-Dslayer.root=" + root.toRealPath() + ">")
                .contains("<--enable-native-access=ALL-UNNAMED>")
                .contains("/server/target/slayer-server-1.jar:");
        assertThat(first.err()).contains("building").contains("built in");
        Run second = slayer(Map.of("JAVA_HOME", jdk.toString()), "serve");
        assertThat(second.err()).isEmpty();
        assertThat(builds()).hasSize(1);
        assertThat(builds().getFirst()).startsWith(jdk + "|").contains("-pl server -am package");
    }

    @Test
    void aNewerSourceOrADeletedOneIsBuiltAgain() throws Exception {
        Map<String, String> environment =
                Map.of("JAVA_HOME", jdk(temporary.resolve("jdk"), "25").toString());
        slayer(environment, "serve");
        FileTime later = FileTime.from(Instant.now().plusSeconds(100));
        Files.setLastModifiedTime(root.resolve("server/src/main/java/A.java"), later);
        slayer(environment, "serve");
        assertThat(builds()).hasSize(2);
        Files.setLastModifiedTime(root.resolve("server/src/main/java/A.java"), FileTime.fromMillis(0));
        slayer(environment, "serve");
        assertThat(builds()).hasSize(2);
        Files.delete(root.resolve("server/src/main/java/A.java"));
        Files.setLastModifiedTime(root.resolve("server/src/main/java"), later);
        slayer(environment, "serve");
        assertThat(builds()).hasSize(3);
    }

    @Test
    void aBrokenBuildShowsItsErrorsAndStartsNothing() throws Exception {
        Files.writeString(root.resolve("mvnw.broken"), "");
        Run run = slayer(Map.of("JAVA_HOME", jdk(temporary.resolve("jdk"), "25").toString()), "serve");
        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err())
                .contains("[ERROR] A.java: it broke")
                .contains("build.log")
                .doesNotContain("chatter");
        assertThat(run.out()).isEmpty();
    }

    @Test
    void twoLaunchesAtOnceBuildOnce() throws Exception {
        Files.writeString(root.resolve("mvnw.slow"), "");
        Map<String, String> environment =
                Map.of("JAVA_HOME", jdk(temporary.resolve("jdk"), "25").toString());
        Process one = start(environment, root.resolve("slayer"), "serve");
        Process other = start(environment, root.resolve("slayer"), "serve");
        assertThat(Run.of(one).code()).isZero();
        assertThat(Run.of(other).code()).isZero();
        assertThat(builds()).hasSize(1);
        assertThat(root.resolve("target/.build-lock")).doesNotExist();
    }

    @Test
    void aLockWhoseOwnerIsGoneDoesNotHinder() throws Exception {
        Process gone = new ProcessBuilder("true").start();
        gone.waitFor();
        Files.createDirectories(root.resolve("target"));
        Files.createSymbolicLink(root.resolve("target/.build-lock"), Path.of("process-" + gone.pid()));
        Run run = slayer(Map.of("JAVA_HOME", jdk(temporary.resolve("jdk"), "25").toString()), "serve");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(builds()).hasSize(1);
    }

    @Test
    void itWorksThroughSymbolicLinksFromAnyFolder() throws Exception {
        Path bin = Files.createDirectories(temporary.resolve("bin"));
        Files.createSymbolicLink(bin.resolve("first"), Path.of("../check out/slayer"));
        Path link = Files.createSymbolicLink(bin.resolve("slayer"), bin.resolve("first"));
        Map<String, String> environment =
                Map.of("JAVA_HOME", jdk(temporary.resolve("jdk"), "25").toString());
        Run run = Run.of(start(environment, link, "bench"));
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out())
                .contains("<-Dslayer.root=" + root.toRealPath() + ">")
                .contains("<bench>");
    }

    @Test
    void javaHomeIsTakenIfItIsNewEnoughElseTheJdkOfThePath() throws Exception {
        Path old = jdk(temporary.resolve("old"), "17.0.9");
        Path path = jdk(temporary.resolve("path"), "27-ea");
        jdk(home.resolve(".sdkman/candidates/java/99"), "99.0.0");
        Map<String, String> environment =
                Map.of("JAVA_HOME", old.toString(), "PATH", path.resolve("bin") + ":" + System.getenv("PATH"));
        slayer(environment, "serve");
        assertThat(builds().getFirst()).startsWith(path.toRealPath() + "|");
    }

    @Test
    void aScriptInThePathIsAskedForItsHome() throws Exception {
        Path jdk = jdk(temporary.resolve("shimmed"), "26.0.1");
        Path shims = Files.createDirectories(temporary.resolve("shims"));
        executable(shims.resolve("java"), "#!/bin/bash\necho '    java.home = " + jdk + "' >&2\n");
        slayer(Map.of("JAVA_HOME", "", "PATH", shims + ":" + System.getenv("PATH")), "serve");
        assertThat(builds().getFirst()).startsWith(jdk + "|");
    }

    @Test
    void withoutBothTheNewestInTheUsualFoldersIsTaken() throws Exception {
        Path old = jdk(temporary.resolve("old"), "17.0.9");
        jdk(home.resolve(".sdkman/candidates/java/a"), "98.0.2");
        Path newest = jdk(home.resolve(".sdkman/candidates/java/b"), "98.0.10");
        jdk(home.resolve(".jdks/c"), "9.0.4");
        slayer(Map.of("JAVA_HOME", "", "PATH", old.resolve("bin") + ":" + System.getenv("PATH")), "serve");
        assertThat(builds().getFirst()).startsWith(newest + "|");
    }

    @Test
    void withoutAnyJdkOneSentenceSaysWhatToInstall() throws Exception {
        Path script = root.resolve("slayer");
        Files.writeString(script, Files.readString(script).replace("NEEDED=25\n", "NEEDED=999\n"));
        Run run = slayer(Map.of("JAVA_HOME", jdk(temporary.resolve("jdk"), "25").toString()), "serve");
        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err())
                .startsWith("slayer: Slayer needs a JDK 999 or newer and found only JDK ")
                .contains("install one")
                .hasLineCount(1);
        assertThat(root.resolve("mvnw.calls")).doesNotExist();
    }

    @Test
    void testShowsTheClosingLinesAndKeepsTheExitCode() throws Exception {
        Map<String, String> environment =
                Map.of("JAVA_HOME", jdk(temporary.resolve("jdk"), "25").toString());
        Run good = slayer(environment, "test", "-pl", "surgery");
        assertThat(good.code()).as(good.err()).isZero();
        assertThat(good.out()).isEqualTo("[INFO] Tests run: 3, Failures: 0, Errors: 0, Skipped: 0\n");
        assertThat(builds().getFirst()).contains(" verify ").endsWith("-pl surgery");
        Files.writeString(root.resolve("mvnw.broken"), "");
        Run bad = slayer(environment, "test");
        assertThat(bad.code()).isEqualTo(7);
        assertThat(bad.out()).contains("[ERROR] A.java: it broke");
    }

    @Test
    void aBundleRunsOnItsOwnRuntimeWhateverElseIsThereAndHandsArgumentsOn() throws Exception {
        Files.delete(root.resolve("pom.xml"));
        Files.createDirectories(root.resolve("server/target/lib"));
        Files.writeString(root.resolve("server/target/slayer-server-1.jar"), "");
        Path runtime = jdk(root.resolve("runtime"), "25.0.3");
        Files.delete(runtime.resolve("bin/javac"));
        Path other = jdk(temporary.resolve("other"), "99.0.0");
        executable(other.resolve("bin/java"), "#!/bin/bash\necho other\n");
        Run run = slayer(Map.of("JAVA_HOME", other.toString()), "bench", "--gpu-suite", "--json", "a b.json");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out()).contains("<dev.slayer.server.cli.Main><bench><--gpu-suite><--json><a b.json>");
        assertThat(root.resolve("mvnw.calls")).doesNotExist();
    }

    @Test
    void whatNeedsSourcesSaysSoInABundle() throws Exception {
        Files.delete(root.resolve("pom.xml"));
        jdk(root.resolve("runtime"), "25.0.3");
        for (String command : List.of("test", "build", "format")) {
            Run run = slayer(Map.of(), command);
            assertThat(run.code()).isEqualTo(2);
            assertThat(run.err())
                    .isEqualTo("slayer: " + command + " needs the sources, which are not in " + root.toRealPath()
                            + "; use a checkout.\n");
        }
    }

    @Test
    void extraOptionsOfTheJvmAreLast() throws Exception {
        Run run = slayer(
                Map.of("JAVA_HOME", jdk(temporary.resolve("jdk"), "25").toString(), "SLAYER_JAVA_OPTS", "-Xmx1g -Dx=y"),
                "serve");
        assertThat(run.out()).contains("<-Xmx1g><-Dx=y><-cp>");
    }

    /** How a launch ended. */
    private record Run(int code, String out, String err) {
        static Run of(Process process) throws IOException, InterruptedException {
            String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            return new Run(process.exitValue(), out, err);
        }
    }

    private Run slayer(Map<String, String> environment, String... args) throws IOException, InterruptedException {
        return Run.of(start(environment, root.resolve("slayer"), args));
    }

    private Process start(Map<String, String> environment, Path script, String... args) throws IOException {
        List<String> command = new ArrayList<>(List.of(script.toString()));
        command.addAll(List.of(args));
        ProcessBuilder builder = new ProcessBuilder(command).directory(temporary.toFile());
        builder.environment().put("HOME", home.toString());
        builder.environment().remove("SLAYER_JAVA_OPTS");
        builder.environment().remove("SDKMAN_DIR");
        builder.environment().putAll(environment);
        return builder.start();
    }

    /** How Maven was called, build by build. */
    private List<String> builds() throws IOException {
        return Files.readAllLines(root.resolve("mvnw.calls"));
    }

    private static Path jdk(Path folder, String version) throws IOException {
        Files.createDirectories(folder.resolve("bin"));
        Files.writeString(folder.resolve("release"), "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"" + version + "\"\n");
        executable(folder.resolve("bin/java"), "#!/bin/bash\nprintf '<%s>' \"$@\"\n");
        executable(folder.resolve("bin/javac"), "#!/bin/bash\n");
        return folder;
    }

    private static void executable(Path file, String content) throws IOException {
        Files.writeString(file, content);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
}
