package dev.slayer.server.cli.suite;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * What measurements of one shape share: where they compute, the checkpoint, the limits, and one model served at a time. One thread.
 */
final class Stage implements AutoCloseable {
    private final Site site;
    private final Shape shape;
    private final Path work;
    private final Limits limits;
    private Optional<Open> open = Optional.empty();

    private record Open(Bed bed, boolean prefixCache) {}

    /**
     * @param work folder of checkpoints
     */
    Stage(Site site, Shape shape, Path work, Limits limits) {
        this.site = site;
        this.shape = shape;
        this.work = work;
        this.limits = limits;
    }

    Site site() {
        return site;
    }

    Shape shape() {
        return shape;
    }

    Path work() {
        return work;
    }

    Limits limits() {
        return limits;
    }

    /** The checkpoint, made if it is not there. @throws dev.slayer.surgery.SlayerException if it cannot be */
    Path checkpoint() {
        return RandomCheckpoint.make(shape, work).folder();
    }

    /** The model being served with or without a prefix cache; what was served otherwise is no longer. */
    Bed bed(boolean prefixCache) {
        if (open.isEmpty() || open.get().prefixCache() != prefixCache) {
            close();
            Bed bed = new Bed(site, shape, checkpoint(), prefixCache);
            open = Optional.of(new Open(bed, prefixCache));
            warmUp(bed);
        }
        return open.orElseThrow().bed();
    }

    /** So that no measurement pays for first allocations. */
    private void warmUp(Bed bed) {
        Prompts prompts = new Prompts(bed.config().vocabularySize(), 99);
        int length = Math.min(shape.scale().engine().maxRows(), shape.config().contextLength() / 2);
        var _ = Load.run(
                bed.engine(),
                List.of(bed.generating(bed.base(), prompts.next(length), 8), bed.scoring(bed.base(), prompts.next(8))),
                Budget.of(Duration.ofMinutes(2)));
    }

    /** A target that is about this shape. */
    Optional<Target> target(Target target) {
        return shape.targeted() ? Optional.of(target) : Optional.empty();
    }

    /** Serves nothing, so that the device's memory is free. */
    @Override
    public void close() {
        Optional<Open> served = open;
        open = Optional.empty();
        served.ifPresent(model -> model.bed().close());
    }
}
