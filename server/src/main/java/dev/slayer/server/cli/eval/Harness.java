package dev.slayer.server.cli.eval;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Lets lm-evaluation-harness evaluate variants: clients/lm-eval/run_evaluations.py in its Python environment. */
final class Harness {
    private static final Duration LONGEST = Duration.ofDays(30);
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path files;
    private final Path python;
    private final Map<String, String> variables;
    private final PrintWriter progress;

    /**
     * @param files the folder clients/lm-eval
     * @param python interpreter with its requirements
     * @param variables of this process
     */
    Harness(Path files, Path python, Map<String, String> variables, PrintWriter progress) {
        this.files = files;
        this.python = python;
        this.variables = Map.copyOf(variables);
        this.progress = progress;
    }

    /**
     * What each variant gets, in their order.
     *
     * @param url of the server
     * @param tokenizers folder or name on the hub, for each variant; not used by the remote backend
     * @param folder for results, the samples and the harness's log
     * @throws SlayerException 500 if the harness fails
     */
    List<JsonNode> evaluate(
            EvalSettings settings,
            EvalWork.Tasks work,
            List<EvalVariant> variants,
            String url,
            Optional<String> apiKey,
            List<String> tokenizers,
            Path folder) {
        try {
            Files.createDirectories(folder);
            Path job = folder.resolve("job.json");
            ObjectNode description = job(settings, work, variants, url, tokenizers, folder);
            Files.writeString(job, JSON.writerWithDefaultPrettyPrinter().writeValueAsString(description));
            Path log = folder.resolve("lm_eval.log");
            List<String> command = List.of(
                    python.toString(), files.resolve("run_evaluations.py").toString(), job.toString());
            ProcessRun run = ProcessRun.of(
                    command, variables(work, apiKey, tokenizers), LONGEST, log, line -> say(progress, line));
            if (run.exitCode() != 0) {
                throw new SlayerException(
                        500,
                        "evaluation_failed",
                        null,
                        "lm_eval failed (status " + run.exitCode() + "). Its last words: " + run.lastLines(3)
                                + (settings.out().isPresent() ? " The whole log is in " + log + "." : ""),
                        null);
            }
            List<JsonNode> results = new ArrayList<>();
            for (JsonNode described : description.get("runs")) {
                results.add(JSON.readTree(
                        folder.resolve(described.get("file").asText() + ".json").toFile()));
            }
            return results;
        } catch (IOException e) {
            throw new SlayerException(
                    500, "evaluation_failed", null, "Results in " + folder + " cannot be read or written: " + e, e);
        }
    }

    private ObjectNode job(
            EvalSettings settings,
            EvalWork.Tasks work,
            List<EvalVariant> variants,
            String url,
            List<String> tokenizers,
            Path folder)
            throws JsonProcessingException {
        ObjectNode job = JSON.createObjectNode();
        job.putPOJO("tasks", work.names());
        job.putPOJO("limit", work.limit().orElse(null));
        job.putPOJO("num_fewshot", work.fewShots().orElse(null));
        job.set(
                "gen_kwargs",
                work.generation().isEmpty()
                        ? null
                        : JSON.readTree(work.generation().get()));
        job.put("code", work.runsCode());
        job.put("samples", settings.out().isPresent());
        job.put("out", folder.toString());
        ArrayNode runs = job.putArray("runs");
        for (int i = 0; i < variants.size(); i++) {
            EvalVariant variant = variants.get(i);
            ObjectNode run = runs.addObject();
            run.put("name", variant.name());
            run.put("file", (i + 1) + "-" + variant.name().replaceAll("[^A-Za-z0-9._=@-]", "_"));
            run.put("batch_size", work.batchSize());
            run.set("model_args", modelArgs(settings, work, variant, url, tokenizers.get(i)));
        }
        return job;
    }

    /** Arguments of local-completions that score as Hugging Face transformers does. */
    private static ObjectNode modelArgs(
            EvalSettings settings, EvalWork.Tasks work, EvalVariant variant, String url, String tokenizer) {
        ObjectNode args = JSON.createObjectNode();
        args.put("model", variant.model());
        args.put("max_length", variant.maxLength());
        args.put("num_concurrent", settings.concurrency());
        args.put("timeout", 3600);
        switch (work.backend()) {
            case HUGGINGFACE ->
                args.put("base_url", url + "/v1/completions")
                        .put("tokenizer_backend", "huggingface")
                        .put("tokenizer", tokenizer)
                        .put("add_bos_token", true);
            // Its calls name no model, so the path has to.
            case REMOTE ->
                args.put("base_url", url + "/m/" + encoded(variant.model()) + "/v1/completions")
                        .put("tokenizer_backend", "remote");
        }
        return args;
    }

    private static String encoded(String model) {
        return URLEncoder.encode(model, StandardCharsets.UTF_8).replace("+", "%20");
    }

    private Map<String, String> variables(EvalWork.Tasks work, Optional<String> apiKey, List<String> tokenizers) {
        Map<String, String> all = new HashMap<>(variables);
        all.remove("PYTHONPATH");
        all.remove("PYTHONHOME");
        all.put("OPENAI_API_KEY", apiKey.orElse(""));
        all.put("PYTHONUNBUFFERED", "1");
        all.putIfAbsent("TQDM_MININTERVAL", "10");
        boolean ours = work.names().stream().allMatch(name -> name.startsWith("slayer"));
        boolean local = work.backend() == TokenizerBackend.REMOTE
                || tokenizers.stream().allMatch(name -> Files.isDirectory(Path.of(name)));
        if (ours && local) {
            all.put("HF_HUB_OFFLINE", "1");
            all.put("HF_DATASETS_OFFLINE", "1");
        }
        return all;
    }

    private static void say(PrintWriter progress, String line) {
        progress.println("slayer: " + line);
        progress.flush();
    }
}
