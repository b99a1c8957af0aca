package dev.slayer.training.data;

/**
 * A place between two rows of a file.
 *
 * @param rows lines, or Parquet rows, before it
 * @param offset bytes before it, uncompressed; 0 for Parquet
 */
record Place(long rows, long offset) {
    static final Place START = new Place(0, 0);
}
