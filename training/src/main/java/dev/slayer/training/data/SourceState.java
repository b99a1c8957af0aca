package dev.slayer.training.data;

/**
 * Where a source's reader is: at the begin of a block of rows, some of whose documents were given.
 *
 * @param pass from 0
 * @param file index in the order of this pass
 * @param place of the block's first row
 * @param taken documents of the block that were given
 * @param counts up to the block
 * @param tally of what was given
 */
record SourceState(int pass, int file, Place place, int taken, Counts counts, Tally tally) {
    static final SourceState START =
            new SourceState(0, 0, Place.START, 0, new Counts(0, 0, 0), new Tally(0, 0, 0, 0, 0));

    /** Whether numbers are such as a reader of this source could have written. */
    boolean plausible(int files) {
        return pass >= 0 && file >= 0 && file < files && place.rows() >= 0 && place.offset() >= 0 && taken >= 0;
    }

    /** Rows of the first pass: read, bad among them, and without text. */
    record Counts(long rows, long bad, long empty) {}

    /**
     * Documents that became examples, their tokens, those cut to a row's length, those of which nothing learned was left then, and
     * those that the chat template refused in the first pass.
     */
    record Tally(long documents, long tokens, long truncated, long dropped, long refused) {}
}
