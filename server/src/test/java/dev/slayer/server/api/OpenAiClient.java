package dev.slayer.server.api;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/**
 * Runs the scripts of clients/python, with the real openai client, against any server. The client lives in a virtual environment
 * in the build folder, made once for each content of requirements.txt.
 */
public final class OpenAiClient {
    private static final Path ROOT = Path.of(System.getProperty("slayer.root"));
    private static final Path PYTHON = ROOT.resolve("clients").resolve("python");

    private OpenAiClient() {}

    /** How a run of the script ended. */
    public record Result(int exitCode, String output) {}

    /**
     * Runs tests/openai_client.py; skips as {@link #run} does.
     *
     * @param environment SLAYER_BASE_URL and the other variables that the script describes
     */
    public static Result check(Map<String, String> environment) throws IOException, InterruptedException {
        return run("tests/openai_client.py", List.of(), environment);
    }

    /**
     * Runs a script for at most three minutes. Skips the calling test, with the reason, if there is no python3 or no way to the
     * package index.
     *
     * @param script below clients/python
     */
    public static Result run(String script, List<String> arguments, Map<String, String> environment)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(
                List.of(environment().toString(), PYTHON.resolve(script).toString()));
        command.addAll(arguments);
        return run(command, environment, Duration.ofMinutes(3));
    }

    /** The interpreter of a virtual environment that holds the pinned requirements. */
    private static Path environment() throws IOException, InterruptedException {
        Path requirements = PYTHON.resolve("requirements.txt");
        Path home = ROOT.resolve("clients")
                .resolve("target")
                .resolve("python-" + hash(Files.readAllBytes(requirements)).substring(0, 16));
        Path python = home.resolve("bin").resolve("python");
        Path ready = home.resolve("ready");
        if (!Files.exists(ready)) {
            Files.createDirectories(home);
            Result made = tryRun(List.of("python3", "-m", "venv", home.toString()));
            Assumptions.assumeTrue(
                    made.exitCode == 0, () -> "no python3 that makes virtual environments: " + made.output);
            Result installed = tryRun(List.of(
                    python.toString(),
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--retries",
                    "1",
                    "-r",
                    requirements.toString()));
            Assumptions.assumeTrue(
                    installed.exitCode == 0, () -> "the Python package index cannot be reached: " + installed.output);
            Files.writeString(ready, "complete\n");
        }
        return python;
    }

    private static Result tryRun(List<String> command) throws InterruptedException {
        try {
            return run(command, Map.of(), Duration.ofMinutes(5));
        } catch (IOException e) {
            return new Result(-1, e.getMessage());
        }
    }

    private static Result run(List<String> command, Map<String, String> environment, Duration limit)
            throws IOException, InterruptedException {
        Path log = Files.createTempFile("slayer-openai", ".log");
        try {
            ProcessBuilder builder =
                    new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
            builder.environment().putAll(environment);
            Process process = builder.start();
            if (!process.waitFor(limit.toSeconds(), TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
                return new Result(-1, "took longer than " + limit + ":\n" + Files.readString(log));
            }
            return new Result(process.exitValue(), Files.readString(log, StandardCharsets.UTF_8));
        } finally {
            Files.deleteIfExists(log);
        }
    }

    private static String hash(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }
}
