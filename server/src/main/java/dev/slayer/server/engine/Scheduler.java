package dev.slayer.server.engine;

import dev.slayer.surgery.SlayerException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;

/**
 * Decides what each step runs. Owns the two queues: waiting (first come, first served) and running (they hold KV). The
 * engine's thread only.
 *
 * <p>A step takes every running sequence that decodes, then fills up with chunks of prompts, oldest first, then admits waiting
 * sequences, except those whose beginning another is about to compute. Where KV runs out, the youngest running sequence is preempted: it gives its KV back and waits at the front.
 */
final class Scheduler {
    /** Rows that another must be about to compute; for fewer, a step's delay costs more than the rows. */
    private static final int WORTH_WAITING = 4;

    /** Sequences at the front of the queue that a step looks at, of which some wait for a prefix. */
    private static final int LOOKED_AT = 256;

    private final EngineSettings settings;
    private final Runnable preempted;
    private final Deque<Sequence> waiting = new ArrayDeque<>();
    private final List<Sequence> running = new ArrayList<>(); // by age, oldest first

    /**
     * @param preempted told of every preemption
     */
    Scheduler(EngineSettings settings, Runnable preempted) {
        this.settings = settings;
        this.preempted = preempted;
    }

    /** A sequence and the rows it runs in this step. */
    record Work(Sequence sequence, Chunk chunk) {}

    void add(Sequence sequence) {
        waiting.addLast(sequence);
    }

    int waiting() {
        return waiting.size();
    }

    int running() {
        return running.size();
    }

    boolean idle() {
        return waiting.isEmpty() && running.isEmpty();
    }

    /** All that have not ended: for cancelling. */
    List<Sequence> all() {
        List<Sequence> all = new ArrayList<>(running);
        all.addAll(waiting);
        return all;
    }

    /** Drops what has ended. */
    void settle() {
        running.removeIf(Sequence::ended);
        waiting.removeIf(Sequence::ended);
    }

    /** The next step's work; empty only if there is nothing to do. */
    List<Work> schedule() {
        List<Work> step = new ArrayList<>();
        int rows = settings.maxBatchTokens();
        // Sequences that decode need one row each; there is always room for them. Preemption shortens the list as we
        // go.
        rows -= take(step, rows, true);
        rows -= take(step, rows, false);
        admit(step, rows);
        return step;
    }

    private int take(List<Work> step, int rows, boolean decoding) {
        int used = 0;
        for (int at = 0; at < running.size() && used < rows; at++) {
            Sequence sequence = running.get(at);
            int left = sequence.length() - sequence.computed();
            if ((left == 1 && sequence.generated() > 0) != decoding) {
                continue;
            }
            int count = Math.min(left, rows - used);
            if (makeRoom(sequence, count, step)) {
                step.add(new Work(sequence, sequence.chunk(count)));
                used += count;
            }
        }
        return used;
    }

    private void admit(List<Work> step, int rows) {
        int left = rows;
        int looked = 0;
        Iterator<Sequence> next = waiting.iterator();
        while (left > 0 && running.size() < settings.maxSequences() && looked < LOOKED_AT && next.hasNext()) {
            Sequence sequence = next.next();
            looked++;
            PrefixHit hit = sequence.cached();
            if (isBeingComputed(sequence, hit)) {
                continue;
            }
            if (!sequence.kv.reserve(sequence.length(), 0)) {
                if (running.isEmpty()) {
                    // Nobody else holds KV, so waiting would not help; the check at submission makes this a defect.
                    next.remove();
                    sequence.fail(noRoom(sequence));
                    continue;
                }
                return;
            }
            next.remove();
            sequence.reuse(hit);
            insert(sequence);
            sequence.times.scheduled();
            int count = Math.min(sequence.length() - sequence.computed(), left);
            step.add(new Work(sequence, sequence.chunk(count)));
            left -= count;
        }
    }

    /** Whether another sequence is about to compute what this one begins with: then it waits, and takes it from the cache. */
    private boolean isBeingComputed(Sequence sequence, PrefixHit hit) {
        int worthWaiting = sequence.reusable(hit) + WORTH_WAITING;
        return running.stream().anyMatch(other -> other.willSpare(sequence, worthWaiting));
    }

    private void insert(Sequence sequence) {
        running.add(sequence);
        running.sort(Comparator.comparingLong(member -> member.id));
    }

    /** Room for more rows of a running sequence, if need be by preempting younger ones, or itself as the youngest. */
    private boolean makeRoom(Sequence sequence, int count, List<Work> step) {
        int rows = sequence.computed() + count;
        while (!sequence.kv.reserve(rows, sequence.computed())) {
            Sequence youngest = running.getLast();
            if (youngest == sequence && running.size() == 1) {
                running.removeLast();
                sequence.fail(noRoom(sequence));
                return false;
            }
            running.removeLast();
            withdraw(youngest, step);
            youngest.preempt();
            waiting.addFirst(youngest);
            preempted.run();
            if (youngest == sequence) {
                return false;
            }
        }
        return true;
    }

    private static void withdraw(Sequence sequence, List<Work> step) {
        for (Iterator<Work> work = step.iterator(); work.hasNext(); ) {
            if (work.next().sequence() == sequence) {
                work.remove();
            }
        }
    }

    private static SlayerException noRoom(Sequence sequence) {
        return new SlayerException(
                507,
                "kv_memory_exhausted",
                null,
                "The KV memory has no room for this sequence of " + sequence.length()
                        + " tokens; ask for fewer tokens or start the server with more --kv-memory.",
                null);
    }
}
