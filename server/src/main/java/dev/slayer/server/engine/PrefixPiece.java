package dev.slayer.server.engine;

/**
 * KV of some rows in some neighbouring slots, kept for other sequences. Stacks whose first slots are the same share it; the last to
 * let go frees it. One thread only, the engine's.
 */
public abstract class PrefixPiece {
    private int users;

    /** Bytes that it holds. */
    public abstract long bytes();

    /** A copy of some of the rows, which nobody holds yet. */
    public abstract PrefixPiece part(int from, int to);

    /** Gives the memory back; called once. */
    protected abstract void free();

    final void hold() {
        users++;
    }

    /** Frees it if nobody else holds it. @return bytes that this has freed */
    final long letGo() {
        users--;
        if (users > 0) {
            return 0;
        }
        long freed = bytes();
        free();
        return freed;
    }
}
