package dev.slayer.training.data;

import java.util.List;

/**
 * What a stream has read and given so far.
 *
 * @param padding share of the batches' places that hold padding
 */
public record DataReport(List<SourceReport> sources, long batches, long tokens, double padding) {
    /**
     * One source.
     *
     * @param rows read in the first pass, without blank lines
     * @param bad of them, including those that the chat template refused
     * @param empty of them, passed over for having no text
     * @param passes completed
     * @param documents given, over all passes
     * @param tokens of these documents
     * @param truncated of these documents, since they were longer than a row
     * @param dropped documents that had nothing to learn (in the part that fits into a row)
     * @param badRows the first bad ones that this process has seen
     */
    public record SourceReport(
            String name,
            RowFormat format,
            int files,
            long rows,
            long bad,
            long empty,
            int passes,
            long documents,
            long tokens,
            long truncated,
            long dropped,
            List<BadRow> badRows) {}

    /**
     * A row that could not be used.
     *
     * @param number line, or row of a Parquet file, from 1
     */
    public record BadRow(String file, long number, String reason) {
        @Override
        public String toString() {
            return file + ":" + number + " " + reason;
        }
    }
}
