package dev.slayer.server.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.server.engine.Scores;
import dev.slayer.server.engine.SequenceRequest;
import dev.slayer.server.engine.StopRules;
import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * The body of POST /v1/ab, ready to run: models resolved, prompts tokenized, limits checked.
 *
 * @param variants that are compared; the first is the reference
 * @param tasks in the request's order: [prompts]
 * @param options how tokens are drawn and when an answer ends
 * @param stream send events as they come
 * @param bytes most that the comparison keeps at a time
 */
record AbRequest(List<AbVariant> variants, List<Task> tasks, GenerationOptions options, boolean stream, long bytes)
        implements AutoCloseable {
    /** Most bytes of log-probabilities that one comparison may keep. */
    static final long MOST_BYTES = 256L << 20;

    /** Most log-probabilities that one answer names: they travel as one event. */
    private static final int MOST_NAMED = 1 << 16;

    private static final int DEFAULT_MAX_TOKENS = 64;

    /** Fields of the other endpoints that would mean something else here, and what to do instead. */
    private static final Map<String, String> REFUSED = Map.of(
            "model", "name the models in variants",
            "prompt", "name it prompts",
            "messages", "give prompts",
            "echo", "leave it out",
            "logprobs", "every token comes with its log-probabilities anyway",
            "prompt_logprobs", "leave it out",
            "stream_options", "leave it out");

    /** A prompt and when its answers end. */
    record Task(Prompt prompt, StopRules stop) {}

    /** Reads and tokenizes; for a worker thread. @throws SlayerException 400 or 404 naming the field at fault */
    static AbRequest read(Fields body, ApiSettings settings, ModelDirectory models) {
        Fields fields = withSampling(body);
        REFUSED.forEach((name, remedy) -> {
            if (fields.has(name)) {
                throw SlayerException.badRequest(name, name + " is no field of a comparison; " + remedy + ".");
            }
        });
        List<AbVariant> variants = AbVariant.read(fields, models);
        boolean ready = false;
        try {
            AbRequest request = read(fields, settings, variants);
            ready = true;
            return request;
        } finally {
            if (!ready) {
                variants.forEach(variant -> variant.use().close());
            }
        }
    }

    private static AbRequest read(Fields fields, ApiSettings settings, List<AbVariant> variants) {
        ServedModel reference = variants.getFirst().model();
        int vocabulary = reference.config().vocabularySize();
        GenerationOptions options = GenerationOptions.read(fields, settings, vocabulary);
        options.constraint().ifPresent(asked -> {
            throw SlayerException.badRequest(
                    asked.param(), asked.param() + " is no field of a comparison; leave it out.");
        });
        if (options.n() > 1) {
            throw SlayerException.badRequest("n", "n=" + options.n() + " is out of range; allowed: 1.");
        }
        OptionalInt maxTokens = fields.integer("max_tokens", 1, Integer.MAX_VALUE);
        ServedModel shortest = variants.stream()
                .map(AbVariant::model)
                .min(Comparator.comparingInt(ServedModel::maxModelLen))
                .orElseThrow();
        List<Task> tasks = new ArrayList<>();
        for (Fields.Element prompt : prompts(fields, settings, variants.size())) {
            Prompt read = Prompt.ofText(reference, prompt.text(), true, options, false, prompt.path());
            int left = Generation.left(read, maxTokens, prompt.path(), shortest);
            tasks.add(new Task(read, stop(options, maxTokens.orElse(Math.min(DEFAULT_MAX_TOKENS, left)))));
        }
        boolean stream = fields.flag("stream", true);
        int most =
                tasks.stream().mapToInt(task -> task.stop().maxTokens()).max().orElseThrow();
        long bytes = bytes(most, vocabulary, variants.size(), stream ? 1 : tasks.size());
        return new AbRequest(variants, tasks, options, stream, bytes);
    }

    /** Sampling fields may stand in an object of their own or beside it, each of them once. */
    private static Fields withSampling(Fields body) {
        return body.object("sampling")
                .map(sampling -> {
                    ObjectNode merged = Json.MAPPER.createObjectNode();
                    merged.setAll(body.node());
                    merged.remove("sampling");
                    for (Map.Entry<String, JsonNode> field : sampling.node().properties()) {
                        if (body.has(field.getKey())) {
                            throw SlayerException.badRequest(
                                    sampling.pathOf(Excerpt.of(field.getKey())),
                                    "'" + Excerpt.of(field.getKey()) + "' is given in sampling and beside it;"
                                            + " give it once.");
                        }
                        merged.set(field.getKey(), field.getValue());
                    }
                    return new Fields("", merged);
                })
                .orElse(body);
    }

    private static List<Fields.Element> prompts(Fields fields, ApiSettings settings, int variants) {
        JsonNode value = fields.get("prompts")
                .orElseThrow(() -> SlayerException.badRequest(
                        "prompts", "prompts is missing; give a string or a list of strings."));
        List<Fields.Element> prompts =
                value.isTextual() ? List.of(new Fields.Element(value, "prompts")) : Fields.elements(value, "prompts");
        if (prompts.isEmpty()) {
            throw SlayerException.badRequest("prompts", "prompts is empty; give at least one.");
        }
        if ((long) prompts.size() * variants > settings.maxSequences()) {
            throw SlayerException.badRequest(
                    "prompts",
                    prompts.size() + " prompts for " + variants + " variants are too many; allowed: "
                            + settings.maxSequences() + " answers in all (max-sequences). Send several requests.");
        }
        return prompts;
    }

    private static StopRules stop(GenerationOptions options, int maxTokens) {
        return new StopRules(
                maxTokens,
                options.minTokens(),
                options.stop(),
                options.stopTokenIds(),
                options.ignoreEos(),
                options.includeStop());
    }

    /**
     * What is kept at a time: the reference's distributions over one answer, and the log-probabilities of answers that have not been
     * sent.
     */
    private static long bytes(int maxTokens, int vocabulary, int variants, int prompts) {
        long row = (long) vocabulary * Float.BYTES;
        long rows = maxTokens * row;
        if (rows > MOST_BYTES) {
            throw tooLarge("max_tokens=" + maxTokens + " over a vocabulary of " + vocabulary + " tokens needs "
                    + rows + " bytes for the reference's distributions (" + maxTokens + " x " + vocabulary
                    + " x 4), but a comparison may keep " + MOST_BYTES + ". Ask for at most " + MOST_BYTES / row
                    + " tokens.");
        }
        if ((long) maxTokens * variants > MOST_NAMED) {
            throw tooLarge("max_tokens=" + maxTokens + " for " + variants + " variants is out of range; allowed: "
                    + MOST_NAMED / variants + " tokens, " + MOST_NAMED + " over all variants.");
        }
        long named = (long) prompts * variants * variants * maxTokens * Float.BYTES;
        if (rows + named > MOST_BYTES) {
            throw tooLarge("The whole answer needs " + (rows + named) + " bytes for " + prompts + " prompts, "
                    + variants + " variants and max_tokens=" + maxTokens + ", but a comparison may keep " + MOST_BYTES
                    + ". Ask for less, or set stream=true.");
        }
        return rows + named;
    }

    private static SlayerException tooLarge(String message) {
        return SlayerException.badRequest("max_tokens", message);
    }

    /** What lets a variant answer a prompt. */
    SequenceRequest generation(Task task, AbVariant variant) {
        return sequence(variant, task.prompt().tokens(), task.stop(), new Scores(0, true, false));
    }

    /** What tells how likely an answer is under a variant: distributions from the prompt's last position on. */
    SequenceRequest scoring(Task task, int[] answer, AbVariant under) {
        int[] prompt = task.prompt().tokens();
        int[] all = Arrays.copyOf(prompt, prompt.length + answer.length);
        System.arraycopy(answer, 0, all, prompt.length, answer.length);
        return sequence(under, all, StopRules.after(0), Scores.distributions(prompt.length - 1));
    }

    private SequenceRequest sequence(AbVariant variant, int[] tokens, StopRules stop, Scores scores) {
        return new SequenceRequest(
                variant.model().checkpoint(),
                variant.model().layout(),
                tokens,
                options.sampling(),
                stop,
                scores,
                options.skipSpecialTokens());
    }

    /** Lets go of the models. Idempotent. */
    @Override
    public void close() {
        variants.forEach(variant -> variant.use().close());
    }
}
