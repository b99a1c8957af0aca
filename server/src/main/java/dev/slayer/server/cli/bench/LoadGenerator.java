package dev.slayer.server.cli.bench;

import dev.slayer.clients.SlayerClientException;
import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

/**
 * Puts a load on a server: so many requests at once, a new one as soon as one ends. Prompts are ids of the server's own
 * tokenizer and answers ignore the end-of-sequence token, so all lengths are exact.
 */
public final class LoadGenerator implements AutoCloseable {
    private final BenchSettings settings;
    private final boolean serverIsHere;
    private final ProcessUsage usage = new ProcessUsage();
    private final ExecutorService loadThreads;
    private final Requester requester;

    /**
     * @param url the server
     * @param apiKey to send
     * @param serverIsHere whether the server runs in this process, so that its processor time can be told
     * @throws SlayerException 400 if the URL is none
     */
    public LoadGenerator(BenchSettings settings, String url, Optional<String> apiKey, boolean serverIsHere) {
        this.settings = settings;
        this.serverIsHere = serverIsHere;
        this.requester = new Requester(settings, url, apiKey, usage);
        this.loadThreads = Executors.newFixedThreadPool(settings.concurrency(), usage);
    }

    /**
     * Warms the server up, then measures.
     *
     * @throws SlayerException if the server cannot be asked at all, or the load does not fit the model
     */
    public Report run() {
        try {
            return settings.newLayouts() ? newLayouts() : load();
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
        requester.close();
        loadThreads.shutdownNow();
    }

    private LoadReport load() {
        List<String> models = settings.models().isEmpty()
                ? List.of(requester.firstModel())
                : settings.models().stream()
                        .flatMap(pattern -> pattern.names().stream())
                        .toList();
        int[] ids = vocabulary(models);
        settings.compare().ifPresent(requester::vocabulary);
        List<Work> warmup = Work.random(settings, settings.warmup(), ids, settings.seed() - 1);
        repetition(models, warmup);
        settings.compare().ifPresent(peer -> repetition(List.of(peer), Work.reversed(warmup)));
        List<Measurement> repetitions = new ArrayList<>();
        List<Measurement> peers = new ArrayList<>();
        for (int i = 0; i < settings.repetitions(); i++) {
            List<Work> work = Work.random(settings, settings.requests(), ids, settings.seed() + i);
            repetitions.add(repetition(models, work));
            settings.compare().ifPresent(peer -> peers.add(repetition(List.of(peer), Work.reversed(work))));
        }
        LoadReport.Peer peer = settings.compare()
                .map(name -> LoadReport.Peer.of(name, peers, Measurement.median(repetitions)))
                .orElse(null);
        Long peak = serverIsHere && ProcessUsage.peakMemoryBytes().isPresent()
                ? ProcessUsage.peakMemoryBytes().getAsLong()
                : null;
        String written = settings.models().isEmpty()
                ? models.getFirst()
                : settings.models().stream().map(NamePattern::text).collect(Collectors.joining(", "));
        return LoadReport.of(written, settings, repetitions, peer, peak);
    }

    /** Prompts may use what the first model's tokenizer knows; a name that the server refuses is known before the load. */
    private int[] vocabulary(List<String> models) {
        models.stream().skip(1).distinct().forEach(requester::vocabulary);
        return requester.vocabulary(models.getFirst());
    }

    /** Requests take the models in turn. */
    private Measurement repetition(List<String> models, List<Work> work) {
        AtomicInteger next = new AtomicInteger();
        ProcessUsage.Cpu cpuBefore = usage.cpu();
        long started = System.nanoTime();
        List<Future<List<RequestTrace>>> workers = new ArrayList<>();
        for (int i = 0; i < settings.concurrency(); i++) {
            workers.add(loadThreads.submit(() -> drawFrom(work, next, models)));
        }
        List<RequestTrace> traces = new ArrayList<>();
        workers.forEach(worker -> traces.addAll(result(worker)));
        Interval whole = new Interval(started, System.nanoTime());
        return Measurement.of(traces, whole, usage.cpu().since(cpuBefore), serverIsHere);
    }

    private List<RequestTrace> drawFrom(List<Work> work, AtomicInteger next, List<String> models) {
        List<RequestTrace> traces = new ArrayList<>();
        for (int at = next.getAndIncrement(); at < work.size(); at = next.getAndIncrement()) {
            traces.add(requester.ask(models.get(at % models.size()), work.get(at)));
        }
        return traces;
    }

    /** Only the base is asked beforehand, so that the server has not even read a layout's name. */
    private NewLayoutsReport newLayouts() {
        String base = settings.compare().orElseGet(requester::firstModel);
        int[] ids = requester.vocabulary(base);
        repetition(List.of(base), Work.random(settings, settings.warmup(), ids, settings.seed() - 1));
        Map<String, Integer> errors = new TreeMap<>();
        List<NewLayoutsReport.Group> groups = new ArrayList<>();
        for (NamePattern pattern : settings.models()) {
            List<Work> work = Work.random(settings, pattern.names().size(), ids, settings.seed() + groups.size());
            List<NewLayoutsReport.Pair> pairs = new ArrayList<>();
            for (int i = 0; i < work.size(); i++) {
                String name = pattern.names().get(i);
                RequestTrace known = requester.ask(base, work.get(i).reversed());
                RequestTrace fresh = requester.ask(name, work.get(i));
                Optional<String> error = known.error().or(fresh::error);
                error.ifPresent(code -> errors.merge(code, 1, Integer::sum));
                if (error.isEmpty()) {
                    pairs.add(new NewLayoutsReport.Pair(
                            name, known.prefill().millis(), fresh.prefill().millis()));
                }
            }
            groups.add(NewLayoutsReport.Group.of(pattern.text(), pairs));
        }
        return new NewLayoutsReport(base, settings.promptTokens().text(), groups, errors);
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
