package dev.slayer.server.cli.eval;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.slayer.clients.Completion;
import dev.slayer.clients.CompletionRequest;
import dev.slayer.clients.SlayerClient;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Programs as the BigCode evaluation harness would generate them itself for its task humaneval: stripped prompts, its stops and
 * sampling, prompt and program within one length. Its {@code --load_generations_path} reads them: for each problem a list of whole
 * programs, prompts included.
 */
final class BigCodeGenerations {
    private static final double TOP_P = 0.95; // the harness's own default
    private static final int SEED = 0; // likewise
    private static final String[] STOPS = {"\nclass", "\ndef", "\n#", "\n@", "\nprint", "\nif", "\n```", "<file_sep>"};
    private static final ObjectMapper JSON = new ObjectMapper();

    private BigCodeGenerations() {}

    /**
     * Prompts of a file of problems, stripped.
     *
     * @throws SlayerException 400 naming the line that is no problem
     */
    static List<String> prompts(EvalWork.BigCode work) {
        String option = EvalSettings.BIGCODE.option();
        List<String> prompts = new ArrayList<>();
        try {
            List<String> lines = Files.readAllLines(work.problems());
            for (int i = 0; i < lines.size() && prompts.size() < work.limit().orElse(Integer.MAX_VALUE); i++) {
                if (!lines.get(i).isBlank()) {
                    prompts.add(prompt(lines.get(i), option + ": line " + (i + 1) + " of " + work.problems()));
                }
            }
        } catch (MalformedInputException e) {
            throw new SlayerException(
                    400, "invalid_value", option, option + ": " + work.problems() + " is not UTF-8.", e);
        } catch (IOException e) {
            throw new SlayerException(400, "invalid_value", option, option + ": cannot be read: " + e, e);
        }
        if (prompts.isEmpty()) {
            throw SlayerException.badRequest(option, option + ": " + work.problems() + " has no problems.");
        }
        return prompts;
    }

    private static String prompt(String line, String where) {
        try {
            JsonNode prompt = JSON.readTree(line).path("prompt");
            if (prompt.isTextual() && !prompt.asText().isBlank()) {
                return prompt.asText().strip();
            }
        } catch (JsonProcessingException e) {
            throw new SlayerException(400, "invalid_value", null, where + " is no JSON: " + e.getOriginalMessage(), e);
        }
        throw SlayerException.badRequest(null, where + " has no text in the field prompt.");
    }

    /** Whole programs for each prompt: [prompts][samples]. */
    static List<List<String>> generate(
            SlayerClient client, EvalVariant variant, List<String> prompts, EvalWork.BigCode work, int concurrency) {
        try (ExecutorService threads = Executors.newFixedThreadPool(concurrency)) {
            List<Future<List<String>>> programs = prompts.stream()
                    .map(prompt -> threads.submit(() -> programs(client, variant, prompt, work)))
                    .toList();
            List<List<String>> all = new ArrayList<>();
            try {
                for (Future<List<String>> one : programs) {
                    all.add(one.get());
                }
            } catch (InterruptedException e) {
                threads.shutdownNow();
                Thread.currentThread().interrupt();
                throw new SlayerException(500, "interrupted", null, "The evaluation was interrupted.", e);
            } catch (ExecutionException e) {
                threads.shutdownNow();
                throw e.getCause() instanceof RuntimeException failure ? failure : new IllegalStateException(e);
            }
            return all;
        }
    }

    private static List<String> programs(
            SlayerClient client, EvalVariant variant, String prompt, EvalWork.BigCode work) {
        int length = client.tokenize(variant.model(), prompt, true).count();
        int longest = Math.min(work.maxLength(), variant.maxLength());
        if (length >= longest) {
            throw SlayerException.badRequest(
                    EvalSettings.MAX_LENGTH.option(),
                    "A prompt has " + length + " tokens, which leaves none of " + longest + " for the program: "
                            + prompt.lines().findFirst().orElse("") + " ...");
        }
        Completion completion = client.complete(CompletionRequest.of(variant.model(), prompt)
                .maxTokens(longest - length)
                .temperature(work.temperature())
                .seed(SEED)
                .stop(STOPS)
                .with("top_p", TOP_P)
                .with("n", work.samples()));
        return completion.choices().stream()
                .sorted(Comparator.comparingInt(Completion.Choice::index))
                .map(choice -> prompt + choice.text())
                .toList();
    }

    /** Writes what the harness loads. */
    static void write(List<List<String>> programs, Path file) {
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            Files.writeString(file, JSON.writeValueAsString(programs) + "\n");
        } catch (IOException e) {
            throw new SlayerException(
                    400, "invalid_value", EvalSettings.OUT.option(), file + " cannot be written: " + e, e);
        }
    }
}
