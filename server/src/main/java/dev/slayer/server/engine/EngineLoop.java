package dev.slayer.server.engine;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Layout;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
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
    private final EngineMetrics metrics;
    private final Scheduler scheduler;
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
        this.metrics = new EngineMetrics(registry);
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
        Sequence sequence = new Sequence(ids.incrementAndGet(), request, model.runner(), model.vocabulary(), event -> {
            if (event instanceof SequenceEvent.Finished || event instanceof SequenceEvent.Failed) {
                queued.decrementAndGet();
            }
            listener.on(event);
        });
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
                    step();
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
        List<Scheduler.Work> step = scheduler.schedule();
        Map<Stack, List<Scheduler.Work>> stacks = new LinkedHashMap<>();
        for (Scheduler.Work work : step) {
            Sequence sequence = work.sequence();
            stacks.computeIfAbsent(new Stack(sequence.runner, sequence.request.layout()), key -> new ArrayList<>())
                    .add(work);
        }
        stacks.forEach(this::runStack);
        metrics.step(step.stream().mapToInt(work -> work.chunk().count()).sum());
        scheduler.settle();
    }

    /** What the rows of one run have in common. */
    private record Stack(Runner runner, Layout layout) {}

    private void runStack(Stack stack, List<Scheduler.Work> works) {
        int[] drawn = new int[works.size()];
        Arrays.fill(drawn, -1);
        try {
            List<Chunk> chunks = works.stream().map(Scheduler.Work::chunk).toList();
            stack.runner().run(stack.layout(), chunks, (chunk, position, logits) -> {
                Sequence sequence = works.get(chunk).sequence();
                try {
                    drawn[chunk] = sequence.score(position, logits);
                } catch (LogSoftmax.NotFiniteException e) {
                    end(
                            sequence,
                            () -> sequence.fail(SlayerException.internal("Scoring failed: " + e.getMessage(), e)));
                }
            });
        } catch (RuntimeException | Error e) {
            LOG.error("A step of {} sequences failed", works.size(), e);
            SlayerException error = e instanceof SlayerException known
                    ? known
                    : SlayerException.internal("The engine failed at this step: " + e, e);
            works.forEach(work -> end(work.sequence(), () -> work.sequence().fail(error)));
            return;
        }
        for (int i = 0; i < works.size(); i++) {
            Scheduler.Work work = works.get(i);
            int token = drawn[i];
            if (!work.sequence().ended()) {
                end(work.sequence(), () -> work.sequence().settle(work.chunk(), token));
            }
        }
    }

    /** Lets something happen that may end a sequence, and notes it if it did. */
    private void end(Sequence sequence, Runnable action) {
        boolean before = sequence.ended();
        action.run();
        if (!before && sequence.ended()) {
            metrics.ended(sequence);
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
            case EngineMessage.Cancel(Sequence sequence) -> end(sequence, sequence::cancel);
            case EngineMessage.Drain drain -> drains.add(drain);
            case EngineMessage.Stop stop -> stopped = true;
        }
    }

    private void checkDrains() {
        if (drains.isEmpty()) {
            return;
        }
        if (drains.stream().anyMatch(drain -> System.nanoTime() - drain.deadlineNanos() >= 0)) {
            scheduler.all().forEach(sequence -> end(sequence, sequence::cancel));
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
