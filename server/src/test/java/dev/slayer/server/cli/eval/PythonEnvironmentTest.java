package dev.slayer.server.cli.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The set-up, with a script in the place of Python that writes down what it is asked to do. */
class PythonEnvironmentTest {
    @TempDir
    private Path temporary;

    private Path folder;
    private Path requirements;
    private Path calls;
    private final StringWriter progress = new StringWriter();

    @BeforeEach
    void paths() throws IOException {
        folder = temporary.resolve("environment");
        calls = temporary.resolve("calls");
        requirements = Files.writeString(temporary.resolve("requirements.txt"), "lm_eval==0.4.13\n");
        Files.createDirectory(temporary.resolve("bin"));
    }

    /** Puts a python3 on the PATH that is of a version and whose pip ends with a status. */
    private void pretend(String version, int pip) throws IOException {
        String script = """
                #!/bin/sh
                echo "$*" >> %1$s
                case $1 in
                    -c) echo %2$s ;;
                    -m) case $2 in
                            venv) rm -rf "$4"; mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
                            pip) echo 'no matching distribution' >&2; exit %3$d ;;
                        esac ;;
                esac
                """.formatted(calls, version, pip);
        Path python = Files.writeString(temporary.resolve("bin/python3"), script);
        Files.setPosixFilePermissions(python, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private Path interpreter() {
        String path = temporary.resolve("bin") + ":/usr/bin:/bin";
        return new PythonEnvironment(folder, requirements, Map.of("PATH", path)).interpreter(new PrintWriter(progress));
    }

    private long installations() throws IOException {
        return Files.readAllLines(calls).stream()
                .filter(call -> call.startsWith("-m pip"))
                .count();
    }

    @Test
    void theFirstUseInstallsThePinnedPackagesAndSaysSoAndTheSecondDoesNot() throws IOException {
        pretend("3.11.7", 0);
        assertThat(interpreter()).isEqualTo(folder.resolve("bin/python")).isExecutable();
        assertThat(progress.toString()).contains("Python package index");
        assertThat(Files.readAllLines(calls))
                .anyMatch(call -> call.contains("--no-deps") && call.endsWith("-r " + requirements));
        interpreter();
        assertThat(installations()).isEqualTo(1);
    }

    @Test
    void aSetUpThatWasInterruptedOrIsOfOtherRequirementsIsMadeAgain() throws IOException {
        pretend("3.13.0", 0);
        interpreter();
        Files.delete(folder.resolve("slayer-environment-complete"));
        interpreter();
        assertThat(installations()).isEqualTo(2);
        Files.writeString(requirements, "lm_eval==0.4.14\n");
        interpreter();
        assertThat(installations()).isEqualTo(3);
    }

    @Test
    void packagesThatCannotBeInstalledAreToldWithTheRemedyAndTriedAgain() throws IOException {
        pretend("3.12.1", 1);
        assertThatThrownBy(this::interpreter)
                .isInstanceOf(SlayerException.class)
                .hasMessageContaining("Python package index")
                .hasMessageContaining("no matching distribution")
                .extracting(e -> ((SlayerException) e).code())
                .isEqualTo(PythonEnvironment.NOT_INSTALLED);
        pretend("3.12.1", 0);
        interpreter();
        assertThat(installations()).isEqualTo(2);
    }

    @Test
    void aPythonThatIsTooOldIsNamedWithTheRemedy() throws IOException {
        pretend("3.8.10", 0);
        PythonEnvironment environment = new PythonEnvironment(
                folder, requirements, Map.of("PATH", temporary.resolve("bin").toString()));
        assertThatThrownBy(() -> environment.interpreter(new PrintWriter(progress)))
                .isInstanceOf(SlayerException.class)
                .hasMessageContaining("3.8.10")
                .hasMessageContaining("3.11 or newer")
                .hasMessageContaining("apt install")
                .extracting(e -> ((SlayerException) e).code())
                .isEqualTo(PythonEnvironment.NO_PYTHON);
        assertThat(folder).doesNotExist();
    }

    @Test
    void aFolderOfSomebodyElseIsLeftAlone() throws IOException {
        pretend("3.11.7", 0);
        Files.createDirectories(folder);
        Path theirs = Files.writeString(folder.resolve("thesis.txt"), "years of work");
        assertThatThrownBy(this::interpreter)
                .isInstanceOf(SlayerException.class)
                .hasMessageContaining("--environment")
                .hasMessageContaining("not made by slayer");
        assertThat(theirs).hasContent("years of work");
        assertThat(List.of(folder.toFile().list())).containsExactly("thesis.txt");
    }
}
