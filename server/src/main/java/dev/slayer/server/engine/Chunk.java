package dev.slayer.server.engine;

/**
 * Rows of one sequence in one step: tokens {@code from} to {@code from + count - 1}, on top of {@code from} rows in the cache.
 *
 * @param tokens the sequence's tokens; only those before {@link #end} are meaningful
 * @param from position of the first row
 * @param count rows
 * @param outputs what is wanted of the rows
 * @param stack of the sequence
 * @param kv has room for from + count rows
 */
public record Chunk(int[] tokens, int from, int count, Outputs outputs, Stack stack, Kv kv) {
    /** One past the last position. */
    public int end() {
        return from + count;
    }
}
