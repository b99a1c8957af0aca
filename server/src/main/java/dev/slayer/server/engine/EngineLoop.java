package dev.slayer.server.engine;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Layout;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The engine's thread: takes messages, then runs a step, for as long as there is something to do. */
final class EngineLoop implements Engine {
    private static final Logger LOG = LoggerFactory.getLogger(EngineLoop.class);

    private final EngineSettings settings;
    private final ModelTable models;
    private final KvMemory pool;
    private final PrefixCache prefixes;
    private final EngineMetrics metrics;
    private final Scheduler scheduler;
    private final Step step;
    private final BlockingQueue<EngineMessage> inbox = new LinkedBlockingQueue<>();
    private final AtomicLong ids = new AtomicLong();
    private final AtomicInteger queued = new AtomicInteger();
    private final Thread thread;
    private final List<EngineMessage.Drain> drains = new ArrayList<>();
    private final Map<Sequence, CompletableFuture<Stack>> preparing = new LinkedHashMap<>();
    private volatile EngineStatus status;
    private volatile boolean draining;
    private boolean stopped;

    /** @param number among the engines of a server */
    EngineLoop(EngineSettings settings, KvMemory pool, List<EngineModel> models, MeterRegistry registry, int number) {
        this.settings = settings;
        this.pool = pool;
        this.models = new ModelTable(models, member -> inbox.add(new EngineMessage.Retire(member)));
        this.metrics = new EngineMetrics(registry, number);
        this.prefixes = new PrefixCache(settings.prefixBytes());
        this.step = new Step(metrics);
        this.scheduler = new Scheduler(settings, metrics::preempted);
        this.status = new EngineStatus(true, 0, 0, 0, pool.limitBytes());
        this.thread = new Thread(this::live, number == 0 ? "engine" : "engine-" + number);
    }

    EngineLoop start() {
        thread.start();
        return this;
    }

    @Override
    public Ticket submit(SequenceRequest request, SequenceListener listener) {
        RequestCheck.check(request, models.get(request.model()), pool.limitBytes());
        refuseIfDraining();
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
        EngineMessage.Submit message = accept(request, listener);
        Sequence sequence = message.sequence();
        inbox.add(message);
        if (!status.alive() && inbox.remove(message)) {
            refuse(message, gone()); // the thread had ended before it could see the message
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

    private void refuseIfDraining() {
        if (draining) {
            throw new SlayerException(
                    503, "draining", null, "The server is shutting down and takes no new requests.", null);
        }
    }

    /** Enters the sequence into the books and has its blocks made ready. */
    private EngineMessage.Submit accept(SequenceRequest request, SequenceListener listener) {
        ModelTable.Member member;
        try {
            member = models.enter(request.model());
        } catch (RuntimeException e) {
            queued.decrementAndGet();
            throw e;
        }
        try {
            Runner runner = member.model.runner();
            Sequence sequence = new Sequence(
                    ids.incrementAndGet(),
                    request,
                    runner,
                    member.model.vocabulary(),
                    prefixes,
                    event -> deliver(member, listener, event));
            return new EngineMessage.Submit(sequence, runner.prepare(request.layout()));
        } catch (RuntimeException e) {
            queued.decrementAndGet();
            models.leave(member);
            throw e;
        }
    }

    /** On the engine's thread, which no listener may bring down. */
    private void deliver(ModelTable.Member member, SequenceListener listener, SequenceEvent event) {
        if (event instanceof SequenceEvent.Finished || event instanceof SequenceEvent.Failed) {
            queued.decrementAndGet();
            models.leave(member);
        }
        try {
            listener.on(event);
        } catch (RuntimeException e) {
            LOG.error("A listener threw at {}", event.getClass().getSimpleName(), e);
        }
    }

    @Override
    public ModelConfig config(String model) {
        return models.get(model).runner().config();
    }

    @Override
    public StackCost cost(String model, Layout layout) {
        ModelTable.Member member = models.enter(model);
        try {
            return member.model.runner().cost(layout);
        } finally {
            models.leave(member);
        }
    }

    @Override
    public void load(EngineModel model) {
        try {
            refuseIfDraining();
            models.add(model);
        } catch (RuntimeException e) {
            model.runner().close();
            throw e;
        }
    }

    @Override
    public CompletableFuture<Void> unload(String model) {
        ModelTable.Member member = models.remove(model);
        return member.retired;
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
        EngineMessage message = nextMessage();
        while (message != null) {
            handle(message);
            message = inbox.poll();
        }
        scheduler.settle();
        checkDrains();
    }

    /** Waits only while there is nothing to run; not for long while somebody waits for the end of what is being prepared. */
    private EngineMessage nextMessage() throws InterruptedException {
        if (!scheduler.idle()) {
            return inbox.poll();
        }
        return drains.isEmpty() ? inbox.take() : inbox.poll(preparing.isEmpty() ? 0 : 10, TimeUnit.MILLISECONDS);
    }

    private void handle(EngineMessage message) {
        switch (message) {
            case EngineMessage.Submit(Sequence sequence, var stack) -> {
                if (stack.isDone()) {
                    begin(sequence, stack);
                } else {
                    preparing.put(sequence, stack);
                    var _ = stack.whenComplete(
                            (ready, failure) -> inbox.add(new EngineMessage.Prepared(sequence, stack)));
                }
            }
            case EngineMessage.Prepared(Sequence sequence, var stack) -> {
                preparing.remove(sequence);
                begin(sequence, stack);
            }
            case EngineMessage.Retire(ModelTable.Member member) -> retire(member);
            case EngineMessage.Cancel(Sequence sequence) -> step.end(sequence, sequence::cancel);
            case EngineMessage.Drain drain -> drains.add(drain);
            case EngineMessage.Stop stop -> stopped = true;
        }
    }

    /** The stack is ready, or never will be; the sequence may have been cancelled meanwhile. */
    private void begin(Sequence sequence, CompletableFuture<Stack> stack) {
        try {
            sequence.stack(stack.join());
            scheduler.add(sequence);
        } catch (CompletionException | CancellationException e) {
            SlayerException error = e.getCause() instanceof SlayerException known
                    ? known
                    : SlayerException.internal("A block could not be made: " + e.getCause(), e);
            LOG.error("The blocks of {} could not be made", sequence.layout, error);
            step.fail(sequence, error);
        }
    }

    private void retire(ModelTable.Member member) {
        prefixes.drop(member.model.runner());
        var _ = member.model.runner().retire().whenComplete((done, failure) -> {
            if (failure == null) {
                member.retired.complete(null);
            } else {
                member.retired.completeExceptionally(failure);
            }
        });
    }

    private List<Sequence> all() {
        List<Sequence> all = scheduler.all();
        all.addAll(preparing.keySet());
        return all;
    }

    private boolean idle() {
        return scheduler.idle() && preparing.isEmpty();
    }

    private void checkDrains() {
        if (drains.isEmpty()) {
            return;
        }
        if (drains.stream().anyMatch(drain -> System.nanoTime() - drain.deadlineNanos() >= 0)) {
            all().forEach(sequence -> step.end(sequence, sequence::cancel));
            scheduler.settle();
        }
        if (idle()) {
            publish();
            drains.forEach(drain -> drain.done().complete(null));
            drains.clear();
        }
    }

    private void publish() {
        metrics.prefixBytes(prefixes.usedBytes());
        status = new EngineStatus(
                true, scheduler.running(), scheduler.waiting() + preparing.size(), pool.usedBytes(), pool.limitBytes());
    }

    private static void refuse(EngineMessage.Submit submit, SlayerException error) {
        submit.sequence().fail(error);
        closeWhenReady(submit.stack());
    }

    private static void closeWhenReady(CompletableFuture<Stack> stack) {
        var _ = stack.thenAccept(Stack::close);
    }

    private static SlayerException gone() {
        return new SlayerException(503, "shutting_down", null, "The server is shutting down.", null);
    }

    private void shutDown() {
        SlayerException gone = gone();
        status = new EngineStatus(false, 0, 0, 0, pool.limitBytes()); // from here on nobody relies on this thread
        all().forEach(sequence -> sequence.fail(gone));
        preparing.values().forEach(EngineLoop::closeWhenReady); // their messages may come too late
        for (EngineMessage message = inbox.poll(); message != null; message = inbox.poll()) {
            switch (message) {
                case EngineMessage.Submit submit -> refuse(submit, gone);
                case EngineMessage.Prepared(Sequence sequence, var stack) -> closeWhenReady(stack);
                case EngineMessage.Retire(ModelTable.Member member) -> retire(member);
                case EngineMessage.Drain drain -> drains.add(drain);
                case EngineMessage.Cancel cancel -> {}
                case EngineMessage.Stop stop -> {}
            }
        }
        prefixes.close();
        models.all().forEach(model -> model.runner().close());
        pool.close();
        drains.forEach(drain -> drain.done().complete(null));
    }
}
