package dev.slayer.server.engine;

/**
 * Keys and values of one sequence, for each slot that attends, in the memory of its device. The engine's thread only; owned by the
 * sequence.
 */
public interface Kv extends AutoCloseable {
    /**
     * Makes room for rows.
     *
     * @param rows total rows needed
     * @param used rows whose contents must survive
     * @return false, with nothing changed, if there is no memory for them
     */
    boolean reserve(int rows, int used);

    /** Rows there is room for. */
    int capacity();

    /** Bytes that {@link #copyOut} of so many slots and rows would take. */
    long keptBytes(int slotCount, int rows);

    /** A copy of some rows of some slots, which are counted among those that attend. */
    PrefixPiece copyOut(int firstSlot, int slotCount, int from, int rows);

    /**
     * Copies the first rows of some slots of a piece to where they belong; there must be room for them.
     *
     * @param source of a cache of the same device and shape
     */
    void copyIn(PrefixPiece source, int sourceSlot, int firstSlot, int slotCount, int at, int rows);

    /** Gives the memory back; the cache is then empty and can be used again. */
    @Override
    void close();
}
