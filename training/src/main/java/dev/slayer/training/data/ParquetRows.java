package dev.slayer.training.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.format.Util;
import org.apache.parquet.io.ColumnIOFactory;
import org.apache.parquet.io.MessageColumnIO;
import org.apache.parquet.io.RecordReader;
import org.apache.parquet.schema.MessageType;

/**
 * Rows of a Parquet file. Footer, schema and pages are taken apart here with bounds on every size; encodings and nested records are
 * decoded by parquet-java's column module, which needs no Hadoop. One page of each column that is read is held at a time.
 */
final class ParquetRows implements RowReader {
    private static final byte[] MAGIC = "PAR1".getBytes(StandardCharsets.US_ASCII);
    private static final int TAIL = 8;
    private static final int MAX_FOOTER = 64 << 20;

    private final FileChannel channel;
    private final FileMetaData footer;
    private final MessageColumnIO columns;
    private final ParquetValues values;
    private final int max;
    private int group;
    private long inGroup; // rows of the present group that were read
    private long rows;
    private RecordReader<JsonNode> records;

    private ParquetRows(FileChannel channel, FileMetaData footer, DataOptions.Limits limits) throws IOException {
        this.channel = channel;
        this.footer = footer;
        this.max = limits.rowBytes();
        MessageType schema = ParquetSchema.of(footer.getSchema());
        MessageType wanted = ParquetSchema.projection(schema);
        this.columns = new ColumnIOFactory(footer.getCreated_by()).getColumnIO(wanted, schema);
        this.values = new ParquetValues(wanted, max);
    }

    static ParquetRows open(Path path, DataOptions.Limits limits, long from) throws IOException {
        FileChannel channel = FileChannel.open(path);
        try {
            ParquetRows rows = new ParquetRows(channel, footer(channel), limits);
            rows.skip(from);
            return rows;
        } catch (IOException e) {
            channel.close();
            throw e;
        } catch (RuntimeException | OutOfMemoryError e) {
            channel.close();
            throw new IOException("its footer or schema is damaged: " + e.getMessage(), e);
        }
    }

    private static FileMetaData footer(FileChannel channel) throws IOException {
        long size = channel.size();
        if (size < TAIL + MAGIC.length) {
            throw new IOException("it is too short for a Parquet file");
        }
        ByteBuffer tail =
                ByteBuffer.wrap(ParquetPages.read(channel, size - TAIL, TAIL)).order(ByteOrder.LITTLE_ENDIAN);
        int length = tail.getInt();
        if (!tail.equals(ByteBuffer.wrap(MAGIC))) {
            throw new IOException("it does not end as a Parquet file, or is encrypted");
        }
        if (length <= 0 || length > MAX_FOOTER || length > size - TAIL - MAGIC.length) {
            throw new IOException("its footer claims " + length + " bytes");
        }
        byte[] bytes = ParquetPages.read(channel, size - TAIL - length, length);
        return Util.readFileMetaData(new ByteArrayInputStream(bytes));
    }

    private void skip(long from) throws IOException {
        while (group < footer.getRow_groupsSize() && rows + groupRows() <= from) {
            rows += groupRows();
            group++;
        }
        while (rows < from && next() != null) {
            // Inside a row group rows are only found by reading.
        }
    }

    private long groupRows() {
        return footer.getRow_groups().get(group).getNum_rows();
    }

    @Override
    public Row next() throws IOException {
        try {
            while (group < footer.getRow_groupsSize() && inGroup >= groupRows()) {
                group++;
                inGroup = 0;
                records = null;
            }
            if (group >= footer.getRow_groupsSize()) {
                return null;
            }
            if (records == null) {
                RowGroup meta = footer.getRow_groups().get(group);
                records = columns.getRecordReader(new ParquetPages(channel, meta, columns.getType()), values);
            }
            rows++;
            inGroup++;
            JsonNode value = records.read();
            return values.fault() == null ? Row.good(rows, value) : Row.bad(rows, values.fault());
        } catch (RuntimeException | OutOfMemoryError e) { // decoders make arrays as large as a page claims to need
            throw new IOException("row " + rows + " is damaged: " + e.getMessage(), e);
        }
    }

    @Override
    public Place place() {
        return new Place(rows, 0);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
