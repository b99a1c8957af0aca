package dev.slayer.server.cli.eval;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * How another program ended.
 *
 * @param exitCode -1 if it took too long or could not be started
 * @param errors what it printed as errors
 */
record ProcessRun(int exitCode, String errors) {
    /**
     * Runs a program to its end; it and what it started do not outlive this call, nor this process.
     *
     * @param variables its environment, instead of ours
     * @param log file that its errors go to
     * @param lines told each line of its output, on another thread
     * @throws IOException if the log cannot be written
     */
    static ProcessRun of(
            List<String> command, Map<String, String> variables, Duration limit, Path log, Consumer<String> lines)
            throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                .redirectError(log.toFile());
        builder.environment().clear();
        builder.environment().putAll(variables);
        Files.deleteIfExists(log);
        Files.createFile(log);
        Process process;
        try {
            process = builder.start();
        } catch (IOException e) {
            return new ProcessRun(-1, String.valueOf(e.getMessage()));
        }
        Thread stop = new Thread(() -> end(process));
        Runtime.getRuntime().addShutdownHook(stop); // Ctrl-C ends us, and should end what we started
        try {
            return finished(process, limit, log, lines);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return new ProcessRun(-1, "interrupted");
        } finally {
            end(process);
            removeHook(stop);
        }
    }

    private static ProcessRun finished(Process process, Duration limit, Path log, Consumer<String> lines)
            throws InterruptedException, IOException {
        Thread reader = Thread.ofVirtual().start(() -> read(process, lines));
        boolean ended = process.waitFor(limit.toSeconds(), TimeUnit.SECONDS);
        if (!ended) {
            end(process);
        }
        reader.join();
        String errors = new String(Files.readAllBytes(log), StandardCharsets.UTF_8);
        return ended
                ? new ProcessRun(process.exitValue(), errors)
                : new ProcessRun(-1, errors + "\nIt took longer than " + limit.toMinutes() + " minutes.");
    }

    private static void read(Process process, Consumer<String> lines) {
        try (BufferedReader output = process.inputReader(StandardCharsets.UTF_8)) {
            output.lines().forEach(lines);
        } catch (IOException | UncheckedIOException e) {
            lines.accept("its output broke off: " + e.getMessage());
        }
    }

    private static void removeHook(Thread stop) {
        try {
            Runtime.getRuntime().removeShutdownHook(stop);
        } catch (IllegalStateException e) {
            stop.interrupt(); // this process is ending already, and the hook runs
        }
    }

    private static void end(Process process) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }

    /** The last lines of its errors, for a message. */
    String lastLines(int count) {
        List<String> lines = errors.lines()
                .filter(line -> !line.isBlank())
                .map(String::strip)
                .toList();
        return String.join(" / ", lines.subList(Math.max(0, lines.size() - count), lines.size()));
    }
}
