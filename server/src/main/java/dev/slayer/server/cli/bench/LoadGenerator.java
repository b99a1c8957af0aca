package dev.slayer.server.cli.bench;

import dev.slayer.clients.Completion;
import dev.slayer.clients.CompletionRequest;
import dev.slayer.clients.EventStream;
import dev.slayer.clients.Model;
import dev.slayer.clients.SlayerClient;
import dev.slayer.clients.SlayerClientException;
import dev.slayer.clients.Tokens;
import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Puts a load on a server: so many requests at once, a new one as soon as one ends. Prompts are ids of the server's own
 * tokenizer and answers ignore the end-of-sequence token, so all lengths are exact.
 */
public final class LoadGenerator implements AutoCloseable {
    private static final int HTTP_THREADS = 2;
    private static final String SAMPLE = """
            The quick brown fox jumps over the lazy dog. Sphinx of black quartz, judge my vow! 0123456789 + - * / = ( ) [ ] { }
            def add(first, second): return first + second  # every token of this text may occur in a prompt
            Where there is a will, there is a way; what is measured can be improved, said the engineer to the surgeon.
            """;

    private final BenchSettings settings;
    private final boolean serverIsHere;
    private final ProcessUsage usage = new ProcessUsage();
    private final ExecutorService httpThreads = Executors.newFixedThreadPool(HTTP_THREADS, usage);
    private final ExecutorService loadThreads;
    private final SlayerClient client;

    /**
     * @param url the server
     * @param apiKey to send
     * @param serverIsHere whether the server runs in this process, so that its processor time can be told
     * @throws SlayerException 400 if the URL is none
     */
    public LoadGenerator(BenchSettings settings, String url, Optional<String> apiKey, boolean serverIsHere) {
        this.settings = settings;
        this.serverIsHere = serverIsHere;
        this.loadThreads = Executors.newFixedThreadPool(settings.concurrency(), usage);
        try {
            SlayerClient.Builder builder =
                    SlayerClient.at(url).executor(httpThreads).timeout(settings.timeout());
            apiKey.ifPresent(builder::apiKey);
            this.client = builder.build();
        } catch (IllegalArgumentException e) {
            throw new SlayerException(400, "invalid_value", "--url", "--url: " + e.getMessage(), e);
        }
    }

    /**
     * Warms the server up, then measures every repetition.
     *
     * @throws SlayerException if the server cannot be asked at all, or the load does not fit the model
     */
    public BenchReport run() {
        try {
            String model = settings.model().orElseGet(this::firstModel);
            Tokens sample = client.tokenize(model, SAMPLE, false);
            checkContext(model, sample);
            int[] ids = Arrays.stream(sample.ids()).distinct().toArray();
            if (ids.length == 0) {
                throw SlayerException.internal("The server's tokenizer gave no tokens for a sample text.", null);
            }
            repetition(model, Work.random(settings, settings.warmup(), ids, settings.seed() - 1));
            List<Measurement> repetitions = new ArrayList<>();
            for (int i = 0; i < settings.repetitions(); i++) {
                repetitions.add(
                        repetition(model, Work.random(settings, settings.requests(), ids, settings.seed() + i)));
            }
            Long peak = serverIsHere && ProcessUsage.peakMemoryBytes().isPresent()
                    ? ProcessUsage.peakMemoryBytes().getAsLong()
                    : null;
            return BenchReport.of(model, settings, repetitions, peak);
        } catch (SlayerClientException e) {
            throw new SlayerException(
                    e.status() >= 400 && e.status() < 600 ? e.status() : 503,
                    e.code(),
                    null,
                    "The server cannot be measured: " + e.getMessage(),
                    e);
        }
    }

    @Override
    public void close() {
        client.close();
        loadThreads.shutdownNow();
        httpThreads.shutdownNow();
    }

    private String firstModel() {
        return client.models().stream()
                .map(Model::id)
                .findFirst()
                .orElseThrow(() -> SlayerException.internal("The server has no model.", null));
    }

    private void checkContext(String model, Tokens sample) {
        int needed = settings.promptTokens().longest() + settings.outputTokens().longest();
        if (sample.maxModelLen() != null && needed > sample.maxModelLen()) {
            throw SlayerException.badRequest(
                    BenchSettings.PROMPT_TOKENS.option(),
                    "--prompt-tokens and --output-tokens need " + needed + " tokens together, but the context of "
                            + model + " has " + sample.maxModelLen() + ".");
        }
    }

    private Measurement repetition(String model, List<Work> work) {
        AtomicInteger next = new AtomicInteger();
        ProcessUsage.Cpu cpuBefore = usage.cpu();
        long started = System.nanoTime();
        List<Future<List<RequestTrace>>> workers = new ArrayList<>();
        for (int i = 0; i < settings.concurrency(); i++) {
            workers.add(loadThreads.submit(() -> drawFrom(work, next, model)));
        }
        List<RequestTrace> traces = new ArrayList<>();
        workers.forEach(worker -> traces.addAll(result(worker)));
        Interval whole = new Interval(started, System.nanoTime());
        return Measurement.of(traces, whole, usage.cpu().since(cpuBefore), serverIsHere);
    }

    private List<RequestTrace> drawFrom(List<Work> work, AtomicInteger next, String model) {
        List<RequestTrace> traces = new ArrayList<>();
        for (int at = next.getAndIncrement(); at < work.size(); at = next.getAndIncrement()) {
            traces.add(ask(model, work.get(at)));
        }
        return traces;
    }

    private RequestTrace ask(String model, Work work) {
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

    private static List<RequestTrace> result(Future<List<RequestTrace>> worker) {
        try {
            return worker.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw SlayerException.internal("Interrupted in the middle of a measurement.", e);
        } catch (ExecutionException e) {
            throw SlayerException.internal("The load generator failed: " + e.getCause(), e.getCause());
        }
    }
}
