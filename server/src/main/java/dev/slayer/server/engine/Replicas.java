package dev.slayer.server.engine;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Layout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;

/**
 * Several engines with the same checkpoints, each on a device of its own, as one. A sequence runs on one of them from its first token to
 * its last; prefixes stay with the engine that computed them.
 */
public final class Replicas implements Engine {
    private static final int QUEUE_FULL = 429;

    private final List<Replica> replicas;
    private final PrefixRouter router;
    private final int capacity;
    private final AtomicLong ids = new AtomicLong();

    /** An engine and how many sequences it has that have not ended. */
    private record Replica(Engine engine, AtomicInteger sequences) {}

    /** What must be equal for the KV of equal tokens to be equal. */
    private record Base(String model, Layout layout) {}

    private Replicas(List<Engine> engines, int capacity) {
        this.replicas = engines.stream()
                .map(engine -> new Replica(engine, new AtomicInteger()))
                .toList();
        this.router = new PrefixRouter(engines.size());
        this.capacity = capacity;
    }

    /**
     * Puts engines together.
     *
     * @param engines with the same models; at least one, owned from now on
     * @param maxSequences that run at once on each
     */
    public static Engine of(List<Engine> engines, int maxSequences) {
        if (engines.isEmpty() || maxSequences < 1) {
            throw new IllegalArgumentException(
                    engines.size() + " engines of " + maxSequences + " sequences; allowed: 1 or more of both");
        }
        return new Replicas(engines, maxSequences);
    }

    @Override
    public Ticket submit(SequenceRequest request, SequenceListener listener) {
        List<PrefixRouter.Load> loads =
                new ArrayList<>(replicas.stream().map(this::load).toList());
        Base base = new Base(request.model(), request.layout());
        int chosen = router.choose(base, request.prompt(), loads);
        try {
            return submit(replicas.get(chosen), request, listener);
        } catch (SlayerException e) {
            if (e.status() != QUEUE_FULL) {
                throw e;
            }
            return submitElsewhere(chosen, request, listener, e);
        }
    }

    /** Tries the others where an engine's queue is full. */
    private Ticket submitElsewhere(
            int full, SequenceRequest request, SequenceListener listener, SlayerException first) {
        for (int i = 0; i < replicas.size(); i++) {
            if (i == full) {
                continue;
            }
            try {
                return submit(replicas.get(i), request, listener);
            } catch (SlayerException e) {
                first.addSuppressed(e);
            }
        }
        throw first;
    }

    private Ticket submit(Replica replica, SequenceRequest request, SequenceListener listener) {
        replica.sequences().incrementAndGet();
        try {
            Ticket ticket = replica.engine().submit(request, event -> {
                if (event instanceof SequenceEvent.Finished || event instanceof SequenceEvent.Failed) {
                    replica.sequences().decrementAndGet();
                }
                listener.on(event);
            });
            return new ReplicaTicket(ids.incrementAndGet(), ticket);
        } catch (RuntimeException | Error e) {
            replica.sequences().decrementAndGet();
            throw e;
        }
    }

    /** Engines count for themselves, so that their ids are not unique together. */
    private record ReplicaTicket(long id, Ticket ticket) implements Ticket {
        @Override
        public void cancel() {
            ticket.cancel();
        }
    }

    private PrefixRouter.Load load(Replica replica) {
        EngineStatus status = replica.engine().status();
        return new PrefixRouter.Load(
                status.alive() ? replica.sequences().get() : Integer.MAX_VALUE,
                capacity,
                status.kvBytesLimit() - status.kvBytesUsed());
    }

    @Override
    public ModelConfig config(String model) {
        return first().config(model);
    }

    /** Of one of them; each takes as much. */
    @Override
    public StackCost cost(String model, Layout layout) {
        return first().cost(model, layout);
    }

    /** @param model whose runner is a {@link ReplicatedRunner} with one for each engine */
    @Override
    public void load(EngineModel model) {
        if (!(model.runner() instanceof ReplicatedRunner several)
                || several.runners().size() != replicas.size()) {
            throw new IllegalArgumentException(
                    "a checkpoint for " + replicas.size() + " engines needs as many runners");
        }
        int loaded = 0;
        try {
            for (Runner runner : several.runners()) {
                replicas.get(loaded).engine().load(new EngineModel(model.name(), runner, model.vocabulary()));
                loaded++;
            }
        } catch (RuntimeException | Error e) {
            for (int i = 0; i < loaded; i++) {
                var _ = replicas.get(i).engine().unload(model.name());
            }
            // The one that refused has taken care of its own; those after it were never given away.
            for (int i = loaded + 1; i < replicas.size(); i++) {
                var _ = several.runners().get(i).retire();
            }
            throw e;
        }
    }

    @Override
    public CompletableFuture<Void> unload(String model) {
        return all(engine -> engine.unload(model));
    }

    /** Alive only if all are. */
    @Override
    public EngineStatus status() {
        EngineStatus sum = new EngineStatus(true, 0, 0, 0, 0);
        for (Replica replica : replicas) {
            EngineStatus one = replica.engine().status();
            sum = new EngineStatus(
                    sum.alive() && one.alive(),
                    sum.running() + one.running(),
                    sum.waiting() + one.waiting(),
                    sum.kvBytesUsed() + one.kvBytesUsed(),
                    sum.kvBytesLimit() + one.kvBytesLimit());
        }
        return sum;
    }

    @Override
    public CompletableFuture<Void> drain(Duration deadline) {
        return all(engine -> engine.drain(deadline));
    }

    @Override
    public void close() {
        replicas.forEach(replica -> replica.engine().close());
    }

    private Engine first() {
        return replicas.getFirst().engine();
    }

    private CompletableFuture<Void> all(Function<Engine, CompletableFuture<Void>> action) {
        return CompletableFuture.allOf(
                replicas.stream().map(replica -> action.apply(replica.engine())).toArray(CompletableFuture<?>[]::new));
    }
}
