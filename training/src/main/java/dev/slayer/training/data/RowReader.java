package dev.slayer.training.data;

import java.io.Closeable;
import java.io.IOException;

/** Reads a file row by row, holding one row and buffers of fixed size. Not thread-safe. */
interface RowReader extends Closeable {
    /**
     * The next row, good or bad, or null at the end of the file.
     *
     * @throws IOException if the file cannot be read or its compression or structure is damaged
     */
    Row next() throws IOException;

    /** Where the next row begins; a reader that is opened there goes on alike. */
    Place place();

    static RowReader open(DataFile file, RowFormat format, DataOptions.Limits limits, Place from) throws IOException {
        return switch (file.kind()) {
            case JSONL -> new JsonRows(LineReader.open(file, limits.rowBytes(), from), limits);
            case TXT ->
                format == RowFormat.PARAGRAPHS
                        ? new ParagraphRows(LineReader.open(file, limits.rowBytes(), from), limits.rowBytes())
                        : new TextRows(file, limits.rowBytes(), from);
            case PARQUET -> ParquetRows.open(file.path(), limits, from.rows());
        };
    }
}
