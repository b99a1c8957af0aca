package dev.slayer.server.cli.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Measures answers, of one mix of models or of it and another model in turns. */
final class AnswersRun {
    private final BenchSettings settings;
    private final Workload.Answers workload;
    private final Requester requester;
    private final Workers workers;

    AnswersRun(BenchSettings settings, Workload.Answers workload, Requester requester, Workers workers) {
        this.settings = settings;
        this.workload = workload;
        this.requester = requester;
        this.workers = workers;
    }

    LoadReport report() {
        List<String> models = settings.models().isEmpty()
                ? List.of(requester.firstModel())
                : settings.models().stream()
                        .flatMap(pattern -> pattern.names().stream())
                        .toList();
        int[] ids = vocabulary(models);
        workload.compare().ifPresent(peer -> requester.vocabulary(peer, workload));
        List<Work> warmup = work(settings.warmup(), ids, settings.seed() - 1);
        repetition(models, warmup);
        workload.compare().ifPresent(peer -> repetition(List.of(peer), Work.reversed(warmup)));
        List<Measurement> repetitions = new ArrayList<>();
        List<Measurement> peers = new ArrayList<>();
        for (int i = 0; i < workload.repetitions(); i++) {
            List<Work> work = work(workload.requests(), ids, settings.seed() + i);
            repetitions.add(repetition(models, work));
            workload.compare().ifPresent(peer -> peers.add(repetition(List.of(peer), Work.reversed(work))));
        }
        LoadReport.Peer peer = workload.compare()
                .map(name -> LoadReport.Peer.of(name, peers, Measurement.median(repetitions)))
                .orElse(null);
        String written = settings.models().isEmpty()
                ? models.getFirst()
                : settings.models().stream().map(NamePattern::text).collect(Collectors.joining(", "));
        return LoadReport.of(written, workload, settings.seed(), repetitions, peer, workers.peakMemoryBytes());
    }

    /** Prompts may use what the first model's tokenizer knows; a name that the server refuses is known before the load. */
    private int[] vocabulary(List<String> models) {
        models.stream().skip(1).distinct().forEach(model -> requester.vocabulary(model, workload));
        return requester.vocabulary(models.getFirst(), workload);
    }

    private List<Work> work(int requests, int[] ids, long seed) {
        return Work.random(workload.promptTokens(), workload.outputTokens(), requests, ids, seed);
    }

    /** Requests take the models in turn. */
    private Measurement repetition(List<String> models, List<Work> work) {
        Workers.Run<RequestTrace> run =
                workers.run(work.size(), at -> requester.ask(models.get(at % models.size()), work.get(at)));
        return Measurement.of(run.traces(), run.whole(), run.cpu(), workers.serverIsHere());
    }
}
