package dev.slayer.server.cli.eval;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.clients.SlayerClient;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Evaluates the variants of one server.
 *
 * @param url of the server
 * @param apiKey to send; empty for none
 * @param checkpoints folders of models of a server in this process, by name; empty for a server elsewhere
 * @param files the folder clients/lm-eval
 * @param variables of this process
 * @param out takes the table
 * @param progress takes what takes its time
 */
public record Evaluation(
        String url,
        Optional<String> apiKey,
        Map<String, Path> checkpoints,
        Path files,
        Map<String, String> variables,
        PrintWriter out,
        PrintWriter progress) {
    public Evaluation {
        checkpoints = Map.copyOf(checkpoints);
        variables = Map.copyOf(variables);
    }

    /**
     * Does it and prints the result.
     *
     * @throws SlayerException with a sentence for the user
     * @throws dev.slayer.clients.SlayerClientException if the server cannot be asked, or refuses a variant
     */
    public void run(EvalSettings settings, SlayerClient client) {
        switch (settings.work()) {
            case EvalWork.Tasks tasks -> harness(settings, tasks, EvalVariant.of(settings.variants(), client));
            case EvalWork.BigCode bigCode -> bigCode(settings, bigCode, client);
        }
    }

    private void harness(EvalSettings settings, EvalWork.Tasks work, List<EvalVariant> variants) {
        List<String> tokenizers =
                variants.stream().map(variant -> tokenizer(variant, work)).toList();
        Path environment =
                work.environment().orElseGet(() -> Path.of(System.getProperty("user.home"), ".slayer", "lm-eval"));
        Path python =
                new PythonEnvironment(environment, files.resolve("requirements.txt"), variables).interpreter(progress);
        Path folder = settings.out().orElseGet(Evaluation::temporary);
        try {
            List<JsonNode> results = new Harness(files, python, variables, progress)
                    .evaluate(settings, work, variants, url, apiKey, tokenizers, folder);
            out.print(EvalReport.table(settings.variants(), results));
            out.flush();
        } finally {
            if (settings.out().isEmpty()) {
                delete(folder);
            }
        }
    }

    /** Where the harness finds a variant's tokenizer; it cannot ask the server, whose endpoints leave out BOS. */
    private String tokenizer(EvalVariant variant, EvalWork.Tasks work) {
        if (work.backend() == TokenizerBackend.REMOTE) {
            return "";
        }
        return work.tokenizer()
                .or(() -> Optional.ofNullable(checkpoints.get(variant.listed())).map(Path::toString))
                .orElseThrow(() -> SlayerException.badRequest(
                        EvalSettings.TOKENIZER.option(),
                        "The harness needs the tokenizer of " + variant.listed()
                                + ": name its checkpoint's folder with --tokenizer DIR,"
                                + " or take --tokenizer-backend remote, which scores without BOS."));
    }

    private void bigCode(EvalSettings settings, EvalWork.BigCode work, SlayerClient client) {
        List<String> prompts = BigCodeGenerations.prompts(work);
        List<EvalVariant> variants = EvalVariant.of(settings.variants(), client);
        Path folder = settings.out().orElse(Path.of("").toAbsolutePath());
        for (EvalVariant variant : variants) {
            String part = variants.size() == 1 ? "" : "-" + variant.name().replaceAll("[^A-Za-z0-9._=@-]", "_");
            Path file = folder.resolve("generations" + part + ".json");
            List<List<String>> programs =
                    BigCodeGenerations.generate(client, variant, prompts, work, settings.concurrency());
            BigCodeGenerations.write(programs, file);
            out.println(
                    variant.name() + ": " + work.samples() + " for each of " + prompts.size() + " problems in " + file);
            out.flush();
        }
    }

    private static Path temporary() {
        try {
            return Files.createTempDirectory("slayer-eval");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void delete(Path folder) {
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
