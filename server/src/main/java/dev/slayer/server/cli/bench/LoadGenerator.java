package dev.slayer.server.cli.bench;

import dev.slayer.clients.SlayerClientException;
import dev.slayer.surgery.SlayerException;
import java.util.Optional;

/**
 * Puts a load on a server: so many requests at once, a new one as soon as one ends. Prompts are ids of the server's own
 * tokenizer and answers ignore the end-of-sequence token, so all lengths are exact.
 */
public final class LoadGenerator implements AutoCloseable {
    private final BenchSettings settings;
    private final Workers workers;
    private final Requester requester;
    private final Optional<Requester> cacheOff;

    /** @throws SlayerException 400 if the URL is none */
    public LoadGenerator(BenchSettings settings, Endpoint endpoint) {
        this.settings = settings;
        ProcessUsage usage = new ProcessUsage();
        this.requester = new Requester(endpoint.url(), endpoint.apiKey(), settings.timeout(), usage);
        this.cacheOff =
                endpoint.cacheOff().map(url -> new Requester(url, endpoint.apiKey(), settings.timeout(), usage));
        this.workers = new Workers(settings.workload().concurrency(), usage, endpoint.here());
    }

    /**
     * Warms the server up, then measures.
     *
     * @throws SlayerException if the server cannot be asked at all, or the load does not fit the model
     */
    public Report run() {
        try {
            return switch (settings.workload()) {
                case Workload.Answers answers -> new AnswersRun(settings, answers, requester, workers).report();
                case Workload.NewLayouts layouts -> new NewLayoutsRun(settings, layouts, requester, workers).report();
                case Workload.Choices choices ->
                    new ChoicesRun(settings, choices, requester, cacheOff, workers).report();
            };
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
        cacheOff.ifPresent(Requester::close);
        workers.close();
    }
}
