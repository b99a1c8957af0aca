package dev.slayer.server.cli.eval;

import dev.slayer.surgery.SlayerException;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;

/**
 * A virtual environment of Python with exactly the packages of a requirements file, made when it is first asked for.
 *
 * <p>Its folder holds a mark from the beginning and a stamp at the end. Mark without stamp is a set-up that was interrupted: it is
 * made again. So is one whose stamp tells of other requirements or another Python. A folder without the mark is not ours and is
 * left alone. Processes that ask at the same time wait for each other.
 */
public final class PythonEnvironment {
    /** No Python that can be used; the code of its exception. */
    public static final String NO_PYTHON = "python_missing";
    /** Packages could not be installed; the code of its exception. */
    public static final String NOT_INSTALLED = "python_packages_missing";

    private static final String MARK = "slayer-environment";
    private static final String STAMP = "slayer-environment-complete";
    private static final int OLDEST_MINOR = 11;
    private static final Duration INSTALLING = Duration.ofMinutes(20);
    private static final Duration ASKING = Duration.ofMinutes(1);

    private final Path folder;
    private final Path requirements;
    private final Map<String, String> variables;

    /**
     * @param folder of the environment, made if it is not there
     * @param requirements pinned packages
     * @param variables of the process; PATH says where python3 is looked for
     */
    public PythonEnvironment(Path folder, Path requirements, Map<String, String> variables) {
        this.folder = folder;
        this.requirements = requirements;
        this.variables = Map.copyOf(variables);
    }

    /**
     * The environment's interpreter; blocks while it is made.
     *
     * @param progress told what takes its time
     * @throws SlayerException 500 with {@link #NO_PYTHON} or {@link #NOT_INSTALLED}, naming the remedy
     */
    public Path interpreter(PrintWriter progress) {
        try {
            Files.createDirectories(folder.toAbsolutePath().getParent());
            Path lockFile = folder.resolveSibling(folder.getFileName() + ".lock");
            try (FileChannel channel = FileChannel.open(lockFile, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                    FileLock held = channel.lock()) {
                if (!held.isValid() || !isComplete()) {
                    make(progress);
                }
            }
            return python();
        } catch (IOException e) {
            throw new SlayerException(
                    500,
                    NOT_INSTALLED,
                    null,
                    "The Python environment " + folder + " cannot be made: " + e
                            + ". Name another folder with --environment.",
                    e);
        }
    }

    private boolean isComplete() throws IOException {
        Path stamp = folder.resolve(STAMP);
        return Files.isExecutable(python())
                && Files.isRegularFile(stamp)
                && Files.readString(stamp).equals(fingerprint());
    }

    private void make(PrintWriter progress) throws IOException {
        refuseForeign();
        Path base = findPython();
        say(progress, "setting up Python packages in " + folder + " (once; some 700 MB from the Python package index)");
        Files.createDirectories(folder);
        Files.writeString(folder.resolve(MARK), "Made by ./slayer eval; may be deleted at any time.\n");
        Files.deleteIfExists(folder.resolve(STAMP));
        ProcessRun made =
                run(List.of(base.toString(), "-m", "venv", "--clear", folder.toString()), Duration.ofMinutes(5));
        if (made.exitCode() != 0) {
            throw new SlayerException(
                    500,
                    NO_PYTHON,
                    null,
                    base + " cannot make a virtual environment: install its module venv (Debian and Ubuntu: apt install"
                            + " python3-venv). It said: " + made.lastLines(5),
                    null);
        }
        // --clear has taken the mark away, too.
        Files.writeString(folder.resolve(MARK), "Made by ./slayer eval; may be deleted at any time.\n");
        install();
        Files.writeString(folder.resolve(STAMP), fingerprint());
        Files.deleteIfExists(log());
    }

    private void install() throws IOException {
        List<String> pip = List.of(
                python().toString(),
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-input",
                "--retries",
                "2",
                "--only-binary=:all:",
                "--no-binary=rouge_score", // published as source only
                "--no-deps",
                "-r",
                requirements.toString());
        ProcessRun installed = run(pip, INSTALLING);
        if (installed.exitCode() != 0) {
            throw new SlayerException(
                    500,
                    NOT_INSTALLED,
                    null,
                    "Packages of " + requirements.getFileName() + " cannot be installed. The first use needs the Python"
                            + " package index: check the network, or pip's settings of index and proxy, and try again."
                            + " The whole log is in " + log() + "; its end: " + installed.lastLines(5),
                    null);
        }
    }

    private void refuseForeign() throws IOException {
        if (!Files.isDirectory(folder) || Files.exists(folder.resolve(MARK))) {
            return;
        }
        try (Stream<Path> entries = Files.list(folder)) {
            if (entries.findAny().isPresent()) {
                throw new SlayerException(
                        400,
                        "invalid_value",
                        EvalSettings.ENVIRONMENT.option(),
                        EvalSettings.ENVIRONMENT.option() + ": " + folder
                                + " is not empty and was not made by slayer; name a new folder.",
                        null);
            }
        }
    }

    /** The first of the usual names on the PATH that is new enough. */
    private Path findPython() throws IOException {
        StringBuilder seen = new StringBuilder();
        for (String name : List.of("python3", "python3.14", "python3.13", "python3.12", "python3.11", "python")) {
            for (String directory : variables.getOrDefault("PATH", "").split(File.pathSeparator, -1)) {
                Path candidate = Path.of(directory.isEmpty() ? "." : directory, name);
                if (Files.isExecutable(candidate) && !Files.isDirectory(candidate)) {
                    Optional<String> version = version(candidate);
                    if (version.isPresent() && newEnough(version.get())) {
                        return candidate;
                    }
                    seen.append(seen.isEmpty() ? " Found: " : ", ")
                            .append(candidate)
                            .append(version.map(text -> " (" + text + ")").orElse(" (does not run)"));
                }
            }
        }
        throw new SlayerException(
                500,
                NO_PYTHON,
                null,
                "lm-evaluation-harness needs Python 3." + OLDEST_MINOR
                        + " or newer as python3 on the PATH; there is none."
                        + seen + (seen.isEmpty() ? "" : ".")
                        + " Install one (Debian and Ubuntu: apt install python3 python3-venv, macOS: brew install python).",
                null);
    }

    private Optional<String> version(Path python) throws IOException {
        List<String> said = new CopyOnWriteArrayList<>();
        List<String> command = List.of(python.toString(), "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])");
        ProcessRun asked = ProcessRun.of(command, variables, ASKING, log(), said::add);
        String text = String.join("", said).strip();
        return asked.exitCode() == 0 && text.matches("\\d+\\.\\d+\\.\\d+") ? Optional.of(text) : Optional.empty();
    }

    private static boolean newEnough(String version) {
        String[] parts = version.split("\\.", -1);
        return parts[0].equals("3") && Integer.parseInt(parts[1]) >= OLDEST_MINOR;
    }

    private ProcessRun run(List<String> command, Duration limit) throws IOException {
        return ProcessRun.of(command, variables, limit, log(), line -> {});
    }

    private Path log() {
        return folder.resolveSibling(folder.getFileName() + ".log");
    }

    private Path python() {
        return folder.resolve("bin").resolve("python");
    }

    private String fingerprint() throws IOException {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            return HexFormat.of().formatHex(digest.digest(Files.readAllBytes(requirements))) + "\n";
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    private static void say(PrintWriter progress, String what) {
        progress.println("slayer: " + what);
        progress.flush();
    }
}
