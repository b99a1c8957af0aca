package dev.slayer.server.cli.suite;

import dev.slayer.surgery.SlayerException;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;

/**
 * Runs the script of {@link PeerPart} in a Python.
 *
 * @param environment the process's variables, for the PATH
 */
record PeerProcess(Map<String, String> environment) {
    private static final String SCRIPT = "peer.py";
    private static final String ABSENT = "{\"absent\": \"there is no python3 on the PATH\"}";
    private static final long GRACE_SECONDS = 30; // for the end of what was begun

    /**
     * What the script said.
     *
     * @param lines JSON objects
     * @param problem why it ended badly, if it did
     */
    record Said(List<String> lines, Optional<String> problem) {}

    /**
     * Runs it; ends it where it does not keep to its time.
     *
     * @param checkpoint whose config.json is the model's
     */
    Said run(Path checkpoint, String device, Duration time, String settings) {
        Optional<Path> python = python();
        if (python.isEmpty()) {
            return new Said(List.of(ABSENT), Optional.empty());
        }
        Path folder = null;
        try {
            folder = Files.createTempDirectory("slayer-peer");
            return run(python.get(), folder, checkpoint, device, time, settings);
        } catch (IOException e) {
            throw SlayerException.internal("python3 cannot be run: " + e, e);
        } finally {
            delete(folder);
        }
    }

    private Said run(Path python, Path folder, Path checkpoint, String device, Duration time, String settings)
            throws IOException {
        Path script = folder.resolve(SCRIPT);
        try (InputStream source = PeerProcess.class.getResourceAsStream(SCRIPT)) {
            Files.copy(source, script, StandardCopyOption.REPLACE_EXISTING);
        }
        Path errors = folder.resolve("errors");
        Process process = new ProcessBuilder(
                        python.toString(),
                        script.toString(),
                        checkpoint.toString(),
                        device,
                        Double.toString(time.toMillis() / 1e3),
                        settings)
                .redirectError(errors.toFile())
                .start();
        List<String> lines = new CopyOnWriteArrayList<>();
        Thread reader = Thread.ofPlatform().name("peer").start(() -> read(process, lines));
        try {
            boolean ended = process.waitFor(time.toSeconds() + GRACE_SECONDS, TimeUnit.SECONDS);
            if (!ended) {
                process.destroyForcibly().waitFor();
            }
            reader.join();
            Optional<String> problem = !ended
                    ? Optional.of("python3 did not keep to its time and was ended")
                    : process.exitValue() == 0
                            ? Optional.empty()
                            : Optional.of("python3 ended with " + process.exitValue() + ": " + last(errors));
            return new Said(List.copyOf(lines), problem);
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
            throw new SlayerException(503, "interrupted", null, "The suite was interrupted.", e);
        }
    }

    private static void read(Process process, List<String> lines) {
        try (BufferedReader output = process.inputReader(StandardCharsets.UTF_8)) {
            output.lines().filter(line -> line.startsWith("{")).forEach(lines::add);
        } catch (IOException | UncheckedIOException e) {
            lines.add("{\"failed\": \"python3's output ended early\"}");
        }
    }

    /** The last line, which in Python says what went wrong. */
    private static String last(Path errors) throws IOException {
        List<String> lines = Files.readAllLines(errors);
        return lines.isEmpty() ? "it said nothing" : lines.getLast();
    }

    private Optional<Path> python() {
        return Arrays.stream(environment.getOrDefault("PATH", "").split(File.pathSeparator))
                .filter(folder -> !folder.isEmpty())
                .map(folder -> Path.of(folder, "python3"))
                .filter(Files::isExecutable)
                .findFirst();
    }

    private static void delete(Path folder) {
        if (folder != null) {
            try {
                RandomCheckpoint.delete(folder);
            } catch (IOException e) {
                throw SlayerException.internal("a temporary folder cannot be deleted: " + e, e);
            }
        }
    }
}
