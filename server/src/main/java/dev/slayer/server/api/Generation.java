package dev.slayer.server.api;

import dev.slayer.server.engine.Sampling;
import dev.slayer.server.engine.Scores;
import dev.slayer.server.engine.SequenceRequest;
import dev.slayer.server.engine.StopRules;
import dev.slayer.server.guide.Guide;
import dev.slayer.server.guide.Guides;
import dev.slayer.surgery.SlayerException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.UUID;

/**
 * A request that is ready to run: the model is resolved, the prompts are tokenized, every limit is checked.
 *
 * @param id of the answer, {@code cmpl-...} or {@code chatcmpl-...}
 * @param created when it was asked for
 * @param model that answers; pinned for the whole request
 * @param shown what the answer calls the model
 * @param chat whether to answer in the shape of chat completions
 * @param echo begin the answer with the prompt
 * @param logprobs top tokens to name at each position, if log-probabilities are asked for
 * @param options the fields that both shapes share
 * @param prompts in the request's order: [prompts]
 * @param sequences choice i * n + j is answer j to prompt i: [prompts * n]
 * @param warning what the client should know although the request runs
 */
record Generation(
        String id,
        Instant created,
        ServedModel model,
        String shown,
        boolean chat,
        boolean echo,
        OptionalInt logprobs,
        GenerationOptions options,
        List<Prompt> prompts,
        List<SequenceRequest> sequences,
        Optional<String> warning) {

    static Generation of(CompletionRequest request, ServedModel model, String shown, Guides guides) {
        GenerationOptions options = request.options();
        boolean scorePrompt = (request.echo() && request.logprobs().isPresent())
                || options.promptLogprobs().isPresent();
        Scores scores = scores(request.logprobs(), options, scorePrompt);
        Optional<Guide> guide = guide(options, model, guides);
        List<SequenceRequest> sequences = new ArrayList<>();
        for (Prompt prompt : request.prompts()) {
            int left = left(prompt, request.maxTokens(), "prompt", model);
            int budget = request.maxTokens().orElse(Math.min(CompletionRequest.DEFAULT_MAX_TOKENS, left));
            answers(sequences, prompt, budget, scores, options, model, guide);
        }
        Optional<String> warning = request.idsWithoutBos()
                ? Optional.of("a prompt of token ids does not begin with this model's BOS token")
                : Optional.empty();
        return new Generation(
                "cmpl-" + UUID.randomUUID(),
                Instant.now(),
                model,
                shown,
                false,
                request.echo(),
                request.logprobs(),
                options,
                request.prompts(),
                sequences,
                warning);
    }

    static Generation of(ChatRequest request, ServedModel model, String shown, Guides guides) {
        GenerationOptions options = request.options();
        Scores scores =
                scores(request.topLogprobs(), options, options.promptLogprobs().isPresent());
        Optional<Guide> guide = guide(options, model, guides);
        List<SequenceRequest> sequences = new ArrayList<>();
        int left = left(request.prompt(), request.maxTokens(), "messages", model);
        answers(sequences, request.prompt(), request.maxTokens().orElse(left), scores, options, model, guide);
        return new Generation(
                "chatcmpl-" + UUID.randomUUID(),
                Instant.now(),
                model,
                shown,
                true,
                false,
                request.topLogprobs(),
                options,
                List.of(request.prompt()),
                sequences,
                Optional.empty());
    }

    /** The prompt of a choice. */
    Prompt prompt(int choice) {
        return prompts.get(choice / options.n());
    }

    private static Scores scores(OptionalInt logprobs, GenerationOptions options, boolean scorePrompt) {
        int top = Math.max(logprobs.orElse(0), options.promptLogprobs().orElse(0));
        return new Scores(top, logprobs.isPresent(), scorePrompt);
    }

    private static Optional<Guide> guide(GenerationOptions options, ServedModel model, Guides guides) {
        return options.constraint()
                .map(asked -> guides.compile(model.tokenizer().vocabulary(), asked.param(), asked.constraint()));
    }

    /** What the context has left for the answer; a prompt that fills it may still be scored with max_tokens=0. */
    static int left(Prompt prompt, OptionalInt maxTokens, String param, ServedModel model) {
        int length = prompt.tokens().length;
        long wanted = length + (long) maxTokens.orElse(1);
        if (wanted > model.maxModelLen()) {
            throw new SlayerException(
                    400,
                    "context_length_exceeded",
                    param,
                    "This model's maximum context length is " + model.maxModelLen() + " tokens, but " + wanted
                            + " were requested: " + length + " in the prompt and "
                            + maxTokens.orElse(1)
                            + " to generate. Shorten the prompt, lower max_tokens, or set truncate_prompt_tokens.",
                    null);
        }
        return model.maxModelLen() - length;
    }

    private static void answers(
            List<SequenceRequest> sequences,
            Prompt prompt,
            int budget,
            Scores scores,
            GenerationOptions options,
            ServedModel model,
            Optional<Guide> guide) {
        StopRules stop = new StopRules(
                budget,
                options.minTokens(),
                options.stop(),
                options.stopTokenIds(),
                options.ignoreEos(),
                options.includeStop());
        for (int answer = 0; answer < options.n(); answer++) {
            sequences.add(new SequenceRequest(
                    model.checkpoint(),
                    model.layout(),
                    prompt.tokens(),
                    seeded(options.sampling(), answer),
                    stop,
                    scores,
                    options.skipSpecialTokens(),
                    guide));
        }
    }

    /** Each of n answers draws from its own stream, or n answers to one seed would be n copies. */
    private static Sampling seeded(Sampling sampling, int answer) {
        if (answer == 0 || sampling.seed().isEmpty()) {
            return sampling;
        }
        return new Sampling(
                sampling.temperature(),
                sampling.topP(),
                sampling.topK(),
                sampling.minP(),
                sampling.repetitionPenalty(),
                sampling.presencePenalty(),
                sampling.frequencyPenalty(),
                sampling.logitBias(),
                OptionalLong.of(sampling.seed().getAsLong() + answer));
    }
}
