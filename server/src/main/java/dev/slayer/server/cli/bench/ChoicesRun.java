package dev.slayer.server.cli.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Measures scores of multiple-choice items, and in turns with them what they are compared with. Each repetition has subjects of
 * its own, so that none finds anything of an earlier one in a cache.
 */
final class ChoicesRun {
    private final BenchSettings settings;
    private final Workload.Choices workload;
    private final Requester requester;
    private final Optional<Requester> cacheOff;
    private final Workers workers;
    private final SeenPrompts seen = new SeenPrompts();

    /** @param cacheOff the same server without a prefix cache, if that is compared with */
    ChoicesRun(
            BenchSettings settings,
            Workload.Choices workload,
            Requester requester,
            Optional<Requester> cacheOff,
            Workers workers) {
        this.settings = settings;
        this.workload = workload;
        this.requester = requester;
        this.cacheOff = cacheOff;
        this.workers = workers;
    }

    ChoicesReport report() {
        String model = settings.models().isEmpty()
                ? requester.firstModel()
                : settings.models().getFirst().text();
        int[] ids = requester.vocabulary(model, workload);
        warmUp(model, new ChoicePrompts(workload, ids, settings.seed() - 1));
        List<Scoring> items = new ArrayList<>();
        List<Scoring> withoutCache = new ArrayList<>();
        List<Scoring> alone = new ArrayList<>();
        for (int i = 0; i < workload.repetitions(); i++) {
            ChoicePrompts prompts = new ChoicePrompts(workload, ids, settings.seed() + i);
            List<int[]> ofItems = prompts.items(workload.items());
            items.add(scored(requester, model, ofItems, newTokens(ofItems)));
            cacheOff.ifPresent(other -> withoutCache.add(scored(other, model, ofItems, tokens(ofItems))));
            List<int[]> unrelated = prompts.unrelated(items.getLast().newTokens());
            alone.add(scored(requester, model, unrelated, newTokens(unrelated)));
        }
        return ChoicesReport.of(
                model,
                workload,
                settings.seed(),
                ChoicesReport.Side.of(items),
                withoutCache.isEmpty() ? null : ChoicesReport.Side.of(withoutCache),
                ChoicesReport.Side.of(alone),
                workers.peakMemoryBytes());
    }

    private void warmUp(String model, ChoicePrompts prompts) {
        int items = (settings.warmup() + Workload.Choices.PER_ITEM - 1) / Workload.Choices.PER_ITEM;
        List<int[]> some = prompts.items(items).subList(0, settings.warmup());
        scored(requester, model, some, newTokens(some));
        cacheOff.ifPresent(other -> scored(other, model, some, tokens(some)));
    }

    private Scoring scored(Requester server, String model, List<int[]> prompts, long newTokens) {
        Workers.Run<ScoreTrace> run = workers.run(prompts.size(), at -> server.score(model, prompts.get(at)));
        return Scoring.of(run, tokens(prompts), newTokens, workers.serverIsHere());
    }

    private long newTokens(List<int[]> prompts) {
        return prompts.stream().mapToLong(seen::add).sum();
    }

    private static long tokens(List<int[]> prompts) {
        return prompts.stream().mapToLong(prompt -> prompt.length).sum();
    }
}
