package dev.slayer.server.cli.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Asks for each layout once, right after a model that the server knows, one request at a time. */
final class NewLayoutsRun {
    private static final Lengths ONE_TOKEN = new Lengths(List.of(new Lengths.Range(1, 1)));

    private final BenchSettings settings;
    private final Workload.NewLayouts workload;
    private final Requester requester;
    private final Workers workers;

    NewLayoutsRun(BenchSettings settings, Workload.NewLayouts workload, Requester requester, Workers workers) {
        this.settings = settings;
        this.workload = workload;
        this.requester = requester;
        this.workers = workers;
    }

    /** Only the base is asked beforehand, so that the server has not even read a layout's name. */
    NewLayoutsReport report() {
        String base = workload.compare().orElseGet(requester::firstModel);
        int[] ids = requester.vocabulary(base, workload);
        List<Work> warmup = work(settings.warmup(), ids, settings.seed() - 1);
        workers.run(warmup.size(), at -> requester.ask(base, warmup.get(at)));
        Map<String, Integer> errors = new TreeMap<>();
        List<NewLayoutsReport.Group> groups = new ArrayList<>();
        for (NamePattern pattern : settings.models()) {
            List<Work> work = work(pattern.names().size(), ids, settings.seed() + groups.size());
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
        return new NewLayoutsReport(base, workload.promptTokens().text(), groups, errors);
    }

    private List<Work> work(int requests, int[] ids, long seed) {
        return Work.random(workload.promptTokens(), ONE_TOKEN, requests, ids, seed);
    }
}
