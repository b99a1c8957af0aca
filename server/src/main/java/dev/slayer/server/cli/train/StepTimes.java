package dev.slayer.server.cli.train;

import dev.slayer.server.cli.bench.PeakMemory;
import dev.slayer.surgery.SlayerException;
import dev.slayer.training.run.RunInputs;
import dev.slayer.training.run.StepBench;
import dev.slayer.training.run.TrainingRecipe;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/** How long steps of several recipes take, side by side, as a Markdown table. */
final class StepTimes {
    private final int steps;
    private final List<Row> rows = new ArrayList<>();

    private record Row(
            String name, String trained, double seconds, long tokens, OptionalDouble utilization, long peakMiB) {}

    StepTimes(int steps) {
        this.steps = steps;
    }

    void add(String name, TrainingRecipe recipe, RunInputs inputs) {
        boolean watched = PeakMemory.begin();
        StepBench.Result result = new StepBench(steps).measure(recipe, inputs);
        String trained = String.format(Locale.ROOT, "%,d of %,d", result.trained(), result.parameters());
        long peak = result.deviceBytes().orElse(watched ? PeakMemory.bytes().orElse(0) : 0) >> 20;
        rows.add(new Row(
                name, trained, result.seconds(), result.tokens(), OptionalDouble.of(result.utilization()), peak));
    }

    /** Full fine-tuning by PyTorch with the rows, length and threads of a recipe. */
    void addPeer(Path python, TrainingRecipe recipe, RunInputs inputs) {
        int microBatch = recipe.optimizer().microBatch();
        int length = recipe.data().length();
        Path script = Path.of(System.getProperty("slayer.root")).resolve("clients/python/training_steps.py");
        List<String> command = List.of(
                python.toString(),
                script.toString(),
                inputs.base().directory().toString(),
                Integer.toString(microBatch),
                Integer.toString(length),
                Integer.toString(steps),
                Integer.toString(recipe.run().threads()));
        try {
            Process process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            if (process.waitFor() != 0) {
                throw SlayerException.badRequest(
                        "--peer", python + " cannot make steps; run " + String.join(" ", command));
            }
            String[] numbers = said.split(" ", -1);
            rows.add(new Row(
                    "PyTorch, full",
                    "all",
                    Double.parseDouble(numbers[0]),
                    (long) microBatch * length,
                    OptionalDouble.empty(),
                    Long.parseLong(numbers[1])));
        } catch (IOException e) {
            throw new SlayerException(400, "invalid_peer", "--peer", python + " cannot be run: " + e, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SlayerException(503, "interrupted", "--peer", "interrupted while waiting for the peer", e);
        }
    }

    String table() {
        StringBuilder table = new StringBuilder(
                "| recipe | trained | s/step | tokens/s | against the first | utilization | peak MiB |\n");
        table.append("|---|---|---|---|---|---|---|\n");
        for (Row row : rows) {
            table.append(String.format(
                    Locale.ROOT,
                    "| %s | %s | %.3f | %,.0f | %.3f | %s | %,d |%n",
                    row.name(),
                    row.trained(),
                    row.seconds(),
                    row.tokens() / row.seconds(),
                    row.seconds() / rows.getFirst().seconds(),
                    row.utilization().isPresent()
                            ? String.format(
                                    Locale.ROOT, "%.2f", row.utilization().getAsDouble())
                            : "-",
                    row.peakMiB()));
        }
        return table.toString();
    }
}
