package dev.slayer.server.engine;

import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs and settles what the scheduler chose. What goes wrong for one sequence ends that sequence; what goes wrong on the device
 * ends the sequences that ran together, except that they run one by one where memory ran out. The engine's thread only.
 */
final class Step {
    private static final Logger LOG = LoggerFactory.getLogger(Step.class);

    private static final int NO_MEMORY = 507; // of HTTP

    private final EngineMetrics metrics;

    Step(EngineMetrics metrics) {
        this.metrics = metrics;
    }

    /** Runs the work of each checkpoint at once, whatever the layouts; rows of one layout lie together. */
    void run(List<Scheduler.Work> works) {
        Map<Runner, Map<String, List<Scheduler.Work>>> checkpoints = new LinkedHashMap<>();
        for (Scheduler.Work work : works) {
            Sequence sequence = work.sequence();
            checkpoints
                    .computeIfAbsent(sequence.runner, runner -> new LinkedHashMap<>())
                    .computeIfAbsent(sequence.layout, layout -> new ArrayList<>())
                    .add(work);
        }
        checkpoints.forEach((runner, layouts) ->
                runAll(runner, layouts.values().stream().flatMap(List::stream).toList()));
        metrics.step(works.stream().mapToInt(work -> work.chunk().count()).sum());
    }

    private void runAll(Runner runner, List<Scheduler.Work> works) {
        Receiver receiver = new Receiver(works);
        List<Chunk> chunks = works.stream().map(Scheduler.Work::chunk).toList();
        try {
            runner.run(chunks, receiver);
        } catch (RuntimeException | Error e) {
            if (works.size() > 1 && receiver.hasNothing() && outOfMemory(e)) {
                LOG.warn("A step of {} sequences found no memory; they run one by one", works.size(), e);
                works.forEach(work -> runAll(runner, List.of(work))); // rows are computed again where they were
                return;
            }
            LOG.error("A step of {} sequences failed", works.size(), e);
            works.forEach(work -> fail(work.sequence(), asSlayerException("The engine failed at this step", e)));
            return;
        }
        for (int i = 0; i < works.size(); i++) {
            Scheduler.Work work = works.get(i);
            int token = receiver.drawn[i];
            if (!work.sequence().ended()) {
                guarded(work.sequence(), () -> work.sequence().settle(work.chunk(), token));
            }
        }
    }

    /** Whether it may go better with fewer rows. */
    private static boolean outOfMemory(Throwable failure) {
        return failure instanceof SlayerException known && known.status() == NO_MEMORY;
    }

    /** Gives what a runner hands over to the sequences, and keeps the tokens that they draw. */
    private final class Receiver implements Runner.Sink {
        private final List<Scheduler.Work> works;
        private final int[] drawn;
        private boolean given;

        Receiver(List<Scheduler.Work> works) {
            this.works = works;
            this.drawn = new int[works.size()];
            Arrays.fill(drawn, -1);
        }

        boolean hasNothing() {
            return !given;
        }

        private void give(int chunk, Consumer<Sequence> what) {
            given = true;
            tell(works.get(chunk).sequence(), what);
        }

        @Override
        public void score(int chunk, int position, TokenScore score) {
            give(chunk, sequence -> sequence.scored(score));
        }

        @Override
        public void logits(int chunk, int position, float[] logits) {
            give(chunk, sequence -> drawn[chunk] = sequence.draw(position, logits));
        }

        @Override
        public void drawn(int chunk, int position, int token, Optional<TokenScore> score) {
            give(chunk, sequence -> drawn[chunk] = sequence.drawn(token, score));
        }

        @Override
        public void hidden(int chunk, int position, float[] hidden) {
            give(chunk, sequence -> sequence.pool(position, hidden));
        }
    }

    private void tell(Sequence sequence, Consumer<Sequence> what) {
        if (!sequence.ended()) {
            guarded(sequence, () -> what.accept(sequence));
        }
    }

    /** Lets something happen to one sequence; if it throws, the sequence fails and nobody else notices. */
    private void guarded(Sequence sequence, Runnable action) {
        try {
            end(sequence, action);
        } catch (LogSoftmax.NotFiniteException e) {
            fail(sequence, asSlayerException("Scoring failed: " + e.getMessage(), e));
        } catch (RuntimeException e) {
            LOG.error("Sequence {} failed", sequence.id, e);
            fail(sequence, asSlayerException("The sequence failed", e));
        }
    }

    /** Lets something happen that may end a sequence, and notes it if it did. */
    void end(Sequence sequence, Runnable action) {
        boolean before = sequence.ended();
        action.run();
        if (!before && sequence.ended()) {
            metrics.ended(sequence);
        }
    }

    void fail(Sequence sequence, SlayerException error) {
        end(sequence, () -> sequence.fail(error));
    }

    private static SlayerException asSlayerException(String what, Throwable cause) {
        return switch (cause) {
            case SlayerException known -> known;
            case LogSoftmax.NotFiniteException nan -> SlayerException.internal(what + ".", nan);
            default -> SlayerException.internal(what + ": " + cause, cause);
        };
    }
}
