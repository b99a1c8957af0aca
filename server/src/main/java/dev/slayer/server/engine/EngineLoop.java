package dev.slayer.server.engine;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.ModelConfig;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The engine's thread: takes messages, then runs a step, for as long as there is something to do. */
final class EngineLoop implements Engine {
    private static final Logger LOG = LoggerFactory.getLogger(EngineLoop.class);

    private final EngineSettings settings;
    private final Map<String, EngineModel> models = new LinkedHashMap<>();
    private final KvPool pool;
    private final Scheduler scheduler;
    private final Step step;
    private final BlockingQueue<EngineMessage> inbox = new LinkedBlockingQueue<>();
    private final AtomicLong ids = new AtomicLong();
    private final AtomicInteger queued = new AtomicInteger();
    private final Thread thread;
    private final List<EngineMessage.Drain> drains = new ArrayList<>();
    private volatile EngineStatus status;
    private volatile boolean draining;
    private boolean stopped;

    EngineLoop(EngineSettings settings, KvPool pool, List<EngineModel> models, MeterRegistry registry) {
        this.settings = settings;
        this.pool = pool;
        models.forEach(model -> this.models.put(model.name(), model));
        EngineMetrics metrics = new EngineMetrics(registry);
        this.step = new Step(metrics);
        this.scheduler = new Scheduler(settings, metrics::preempted);
        this.status = new EngineStatus(true, 0, 0, 0, pool.limitBytes());
        this.thread = new Thread(this::live, "engine");
    }

    EngineLoop start() {
        thread.start();
        return this;
    }

    @Override
    public Ticket submit(SequenceRequest request, SequenceListener listener) {
        EngineModel model = model(request.model());
        RequestCheck.check(request, model, pool.limitBytes());
        if (draining) {
            throw new SlayerException(
                    503, "draining", null, "The server is shutting down and takes no new requests.", null);
        }
        if (queued.incrementAndGet() > settings.maxQueue() + settings.maxSequences()) {
            queued.decrementAndGet();
            throw new SlayerException(
                    429,
                    "rate_limit_exceeded",
                    null,
                    "The queue is full: " + settings.maxSequences() + " sequences run and " + settings.maxQueue()
                            + " wait. Try again later.",
                    null);
        }
        Sequence sequence = accept(request, model, listener);
        EngineMessage.Submit message = new EngineMessage.Submit(sequence);
        inbox.add(message);
        if (!status.alive() && inbox.remove(message)) {
            sequence.fail(gone()); // the thread had ended before it could see the message
        }
        return new Ticket() {
            @Override
            public long id() {
                return sequence.id;
            }

            @Override
            public void cancel() {
                inbox.add(new EngineMessage.Cancel(sequence));
            }
        };
    }

    private Sequence accept(SequenceRequest request, EngineModel model, SequenceListener listener) {
        try {
            return new Sequence(
                    ids.incrementAndGet(),
                    request,
                    model.runner(),
                    model.vocabulary(),
                    event -> deliver(listener, event));
        } catch (RuntimeException e) {
            queued.decrementAndGet();
            throw e;
        }
    }

    /** On the engine's thread, which no listener may bring down. */
    private void deliver(SequenceListener listener, SequenceEvent event) {
        if (event instanceof SequenceEvent.Finished || event instanceof SequenceEvent.Failed) {
            queued.decrementAndGet();
        }
        try {
            listener.on(event);
        } catch (RuntimeException e) {
            LOG.error("A listener threw at {}", event.getClass().getSimpleName(), e);
        }
    }

    @Override
    public ModelConfig config(String model) {
        return model(model).runner().config();
    }

    private EngineModel model(String name) {
        EngineModel model = models.get(name);
        if (model == null) {
            throw new SlayerException(
                    404,
                    "model_not_found",
                    "model",
                    "The model '" + name + "' does not exist; there are " + models.keySet() + ".",
                    null);
        }
        return model;
    }

    @Override
    public EngineStatus status() {
        return status;
    }

    @Override
    public CompletableFuture<Void> drain(Duration deadline) {
        draining = true;
        CompletableFuture<Void> done = new CompletableFuture<>();
        if (thread.isAlive()) {
            inbox.add(new EngineMessage.Drain(System.nanoTime() + deadline.toNanos(), done));
        } else {
            done.complete(null);
        }
        return done;
    }

    @Override
    public void close() {
        draining = true;
        inbox.add(new EngineMessage.Stop());
        boolean interrupted = false;
        while (thread.isAlive() && !Thread.currentThread().equals(thread)) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true; // the device must not be left behind half closed
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void live() {
        try {
            while (!stopped) {
                takeMessages();
                if (!scheduler.idle()) {
                    stepOrFail();
                }
                publish();
            }
        } catch (InterruptedException e) {
            LOG.error("The engine's thread was interrupted", e);
        } finally {
            shutDown();
        }
    }

    /** One pass: schedule, run, settle. */
    private void step() {
        List<Scheduler.Work> works = scheduler.schedule();
        step.run(works);
        scheduler.settle();
    }

    /** A step that fails as a whole, which is a defect, costs the sequences there are but not the engine. */
    private void stepOrFail() {
        try {
            step();
        } catch (RuntimeException | Error e) {
            LOG.error("A step failed outside of its sequences", e);
            SlayerException error = SlayerException.internal("The engine failed at this step: " + e, e);
            scheduler.all().forEach(sequence -> step.fail(sequence, error));
            scheduler.settle();
        }
    }

    private void takeMessages() throws InterruptedException {
        EngineMessage message = scheduler.idle() && drains.isEmpty() ? inbox.take() : inbox.poll();
        while (message != null) {
            handle(message);
            message = inbox.poll();
        }
        scheduler.settle();
        checkDrains();
    }

    private void handle(EngineMessage message) {
        switch (message) {
            case EngineMessage.Submit(Sequence sequence) -> scheduler.add(sequence);
            case EngineMessage.Cancel(Sequence sequence) -> step.end(sequence, sequence::cancel);
            case EngineMessage.Drain drain -> drains.add(drain);
            case EngineMessage.Stop stop -> stopped = true;
        }
    }

    private void checkDrains() {
        if (drains.isEmpty()) {
            return;
        }
        if (drains.stream().anyMatch(drain -> System.nanoTime() - drain.deadlineNanos() >= 0)) {
            scheduler.all().forEach(sequence -> step.end(sequence, sequence::cancel));
            scheduler.settle();
        }
        if (scheduler.idle()) {
            publish();
            drains.forEach(drain -> drain.done().complete(null));
            drains.clear();
        }
    }

    private void publish() {
        status = new EngineStatus(true, scheduler.running(), scheduler.waiting(), pool.usedBytes(), pool.limitBytes());
    }

    private static SlayerException gone() {
        return new SlayerException(503, "shutting_down", null, "The server is shutting down.", null);
    }

    private void shutDown() {
        SlayerException gone = gone();
        status = new EngineStatus(false, 0, 0, 0, pool.limitBytes()); // from here on nobody relies on this thread
        scheduler.all().forEach(sequence -> sequence.fail(gone));
        for (EngineMessage message = inbox.poll(); message != null; message = inbox.poll()) {
            switch (message) {
                case EngineMessage.Submit(Sequence sequence) -> sequence.fail(gone);
                case EngineMessage.Drain drain -> drains.add(drain);
                case EngineMessage.Cancel cancel -> {}
                case EngineMessage.Stop stop -> {}
            }
        }
        models.values().forEach(model -> model.runner().close());
        pool.close();
        drains.forEach(drain -> drain.done().complete(null));
    }
}
