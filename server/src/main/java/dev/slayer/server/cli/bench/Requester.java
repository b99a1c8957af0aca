package dev.slayer.server.cli.bench;

import dev.slayer.clients.Completion;
import dev.slayer.clients.CompletionRequest;
import dev.slayer.clients.EventStream;
import dev.slayer.clients.Model;
import dev.slayer.clients.SlayerClient;
import dev.slayer.clients.SlayerClientException;
import dev.slayer.clients.Tokens;
import dev.slayer.clients.Usage;
import dev.slayer.surgery.SlayerException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;
import java.util.stream.IntStream;

/** Asks a server and notes when its tokens come. Thread-safe. */
final class Requester implements AutoCloseable {
    private static final int HTTP_THREADS = 2;
    private static final String SAMPLE = """
            The quick brown fox jumps over the lazy dog. Sphinx of black quartz, judge my vow! 0123456789 + - * / = ( ) [ ] { }
            def add(first, second): return first + second  # every token of this text may occur in a prompt
            Where there is a will, there is a way; what is measured can be improved, said the engineer to the surgeon.
            """;

    private final ExecutorService httpThreads;
    private final SlayerClient client;

    /** @throws SlayerException 400 if the URL is none */
    Requester(String url, Optional<String> apiKey, Duration timeout, ThreadFactory threads) {
        this.httpThreads = Executors.newFixedThreadPool(HTTP_THREADS, threads);
        try {
            SlayerClient.Builder builder =
                    SlayerClient.at(url).executor(httpThreads).timeout(timeout);
            apiKey.ifPresent(builder::apiKey);
            this.client = builder.build();
        } catch (IllegalArgumentException e) {
            throw new SlayerException(400, "invalid_value", "--url", "--url: " + e.getMessage(), e);
        }
    }

    String firstModel() {
        return client.models().stream()
                .map(Model::id)
                .findFirst()
                .orElseThrow(() -> SlayerException.internal("The server has no model.", null));
    }

    /**
     * Tokens that prompts for a model can be made of.
     *
     * @throws SlayerException 400 if the load does not fit the model's context
     * @throws SlayerClientException if the server cannot be asked, or does not know the model
     */
    int[] vocabulary(String model, Workload workload) {
        Tokens sample = client.tokenize(model, SAMPLE, false);
        int needed = workload.longestSequence();
        if (sample.maxModelLen() != null && needed > sample.maxModelLen()) {
            throw SlayerException.badRequest(
                    workload.lengthOptions(),
                    workload.lengthOptions() + " need " + needed + " tokens together, but the context of " + model
                            + " has " + sample.maxModelLen() + ".");
        }
        int[] ids = Arrays.stream(sample.ids()).distinct().toArray();
        if (ids.length == 0) {
            throw SlayerException.internal("The server's tokenizer gave no tokens for a sample text.", null);
        }
        return ids;
    }

    /** Asks and waits for the whole answer; a failure is noted, not thrown. */
    RequestTrace ask(String model, Work work) {
        CompletionRequest request = CompletionRequest.of(model, work.prompt())
                .maxTokens(work.outputTokens())
                .temperature(0)
                .ignoreEos()
                .returnTokenIds();
        RequestTrace trace = new RequestTrace(System.nanoTime(), work.prompt().length);
        try (EventStream<Completion> stream = client.stream(request)) {
            while (stream.hasNext()) {
                Completion piece = stream.next();
                int tokens = tokensIn(piece);
                if (tokens > 0) {
                    trace.tokens(System.nanoTime(), tokens);
                }
                if (piece.usage() != null) {
                    trace.total(piece.usage().completionTokens());
                }
            }
            if (trace.outputTokens() != work.outputTokens()) {
                trace.failed("wrong_length");
            }
        } catch (SlayerClientException e) {
            trace.failed(e.code());
        }
        return trace;
    }

    /**
     * Has the tokens of a prompt scored, as evaluation harnesses do, and waits for the answer; a failure is noted, not thrown. An
     * answer without a score for each token but the first is a failure.
     */
    ScoreTrace score(String model, int[] prompt) {
        List<List<Integer>> prompts = List.of(IntStream.of(prompt).boxed().toList());
        CompletionRequest request = new CompletionRequest(model, prompts, Map.of())
                .maxTokens(1)
                .temperature(0)
                .logprobs(1)
                .with("echo", true);
        long started = System.nanoTime();
        try {
            Scored answer = client.complete(request, Scored.class);
            Interval time = new Interval(started, System.nanoTime());
            return answer.isComplete(prompt.length)
                    ? ScoreTrace.of(
                            time, answer.usage() == null ? 0 : answer.usage().cachedTokens())
                    : ScoreTrace.failed(time, "wrong_length");
        } catch (SlayerClientException e) {
            return ScoreTrace.failed(new Interval(started, System.nanoTime()), e.code());
        }
    }

    /** What is read of an answer with scores, so that the load generator does not take the server's processor time. */
    record Scored(List<Choice> choices, Usage usage) {
        record Choice(Logprobs logprobs) {}

        record Logprobs(List<Double> tokenLogprobs) {}

        /** Whether each of so many tokens has a score, and the generated one; only the first has none. */
        boolean isComplete(int tokens) {
            if (choices == null || choices.size() != 1 || choices.getFirst().logprobs() == null) {
                return false;
            }
            List<Double> scores = choices.getFirst().logprobs().tokenLogprobs();
            return scores != null
                    && scores.size() == tokens + 1
                    && scores.getFirst() == null
                    && scores.stream().skip(1).allMatch(Objects::nonNull);
        }
    }

    /** Of servers that do not tell token ids, every piece with text is taken for one token; usage tells the true total. */
    private static int tokensIn(Completion piece) {
        if (piece.choices().isEmpty()) {
            return 0;
        }
        Completion.Choice choice = piece.choices().getFirst();
        if (choice.tokenIds() != null) {
            return choice.tokenIds().size();
        }
        return choice.text().isEmpty() ? 0 : 1;
    }

    @Override
    public void close() {
        client.close();
        httpThreads.shutdownNow();
    }
}
