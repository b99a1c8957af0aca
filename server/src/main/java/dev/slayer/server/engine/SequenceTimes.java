package dev.slayer.server.engine;

/** When things happened to a sequence, in System.nanoTime(). The engine's thread only, after construction. */
final class SequenceTimes {
    final long submitted = System.nanoTime();
    private long scheduled;
    private long promptDone;
    private long ended;

    /** Left the queue; later calls (after a preemption) change nothing. */
    void scheduled() {
        if (scheduled == 0) {
            scheduled = System.nanoTime();
        }
    }

    void promptDone() {
        promptDone = System.nanoTime();
    }

    void ended() {
        ended = System.nanoTime();
    }

    /** Whether it ever ran to the end of its prompt. */
    boolean complete() {
        return scheduled != 0 && promptDone != 0 && ended != 0;
    }

    long queueNanos() {
        return scheduled - submitted;
    }

    long prefillNanos() {
        return promptDone - scheduled;
    }

    long decodeNanos() {
        return ended - promptDone;
    }
}
