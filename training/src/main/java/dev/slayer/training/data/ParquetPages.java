package dev.slayer.training.data;

import com.github.luben.zstd.Zstd;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.util.List;
import java.util.zip.GZIPInputStream;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.Encoding;
import org.apache.parquet.column.page.DataPage;
import org.apache.parquet.column.page.DataPageV1;
import org.apache.parquet.column.page.DataPageV2;
import org.apache.parquet.column.page.DictionaryPage;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.column.page.PageReader;
import org.apache.parquet.column.statistics.Statistics;
import org.apache.parquet.format.ColumnChunk;
import org.apache.parquet.format.ColumnMetaData;
import org.apache.parquet.format.CompressionCodec;
import org.apache.parquet.format.DataPageHeader;
import org.apache.parquet.format.DataPageHeaderV2;
import org.apache.parquet.format.PageHeader;
import org.apache.parquet.format.PageType;
import org.apache.parquet.format.Util;
import org.apache.parquet.schema.GroupType;
import org.xerial.snappy.Snappy;

/** The pages of one row group, read one by one as they are asked for. */
final class ParquetPages implements PageReadStore {
    private static final int MAX_PAGE = 256 << 20;
    private static final int MAX_HEADER = 1 << 20;

    private final FileChannel channel;
    private final List<ColumnChunk> chunks;
    private final long rows;

    /** @param schema of the columns that will be asked for */
    ParquetPages(FileChannel channel, org.apache.parquet.format.RowGroup group, org.apache.parquet.schema.Type schema) {
        this.channel = channel;
        List<String> wanted = ((GroupType) schema)
                .getFields().stream()
                        .map(org.apache.parquet.schema.Type::getName)
                        .toList();
        this.chunks = group.getColumns().stream()
                .filter(chunk ->
                        wanted.contains(chunk.getMeta_data().getPath_in_schema().getFirst()))
                .toList();
        this.rows = group.getNum_rows();
    }

    static byte[] read(FileChannel channel, long position, int length) throws IOException {
        if (position < 0 || position + length > channel.size()) {
            throw new EOFException("it ends before byte " + (position + length));
        }
        byte[] content = new byte[length];
        ByteBuffer bytes = ByteBuffer.wrap(content);
        while (bytes.hasRemaining() && channel.read(bytes, position + bytes.position()) >= 0) {
            // Until it is full.
        }
        if (bytes.hasRemaining()) {
            throw new EOFException("it was cut while it was read");
        }
        return content;
    }

    @Override
    public PageReader getPageReader(ColumnDescriptor column) {
        List<String> path = List.of(column.getPath());
        for (ColumnChunk chunk : chunks) {
            if (chunk.getMeta_data().getPath_in_schema().equals(path)) {
                return new Pages(channel, chunk.getMeta_data(), column);
            }
        }
        throw new IllegalStateException("row group without column " + String.join(".", path));
    }

    @Override
    public long getRowCount() {
        return rows;
    }

    /** The pages of one column of a row group. */
    private static final class Pages implements PageReader {
        private final FileChannel channel;
        private final ColumnMetaData meta;
        private final Statistics<?> none;
        private long at;
        private final long end;
        private long valuesLeft;
        private DictionaryPage dictionary;
        private DataPage first;

        Pages(FileChannel channel, ColumnMetaData meta, ColumnDescriptor column) {
            this.channel = channel;
            this.meta = meta;
            this.none =
                    Statistics.getBuilderForReading(column.getPrimitiveType()).build();
            boolean early = meta.isSetDictionary_page_offset()
                    && meta.getDictionary_page_offset() > 0
                    && meta.getDictionary_page_offset() < meta.getData_page_offset();
            this.at = early ? meta.getDictionary_page_offset() : meta.getData_page_offset();
            this.end = at + meta.getTotal_compressed_size();
            this.valuesLeft = meta.getNum_values();
        }

        @Override
        public DictionaryPage readDictionaryPage() {
            if (dictionary == null && first == null) {
                first = readPage(); // reads past a dictionary, which comes first if there is one
            }
            return dictionary;
        }

        @Override
        public long getTotalValueCount() {
            return meta.getNum_values();
        }

        @Override
        public DataPage readPage() {
            if (first != null) {
                DataPage page = first;
                first = null;
                return page;
            }
            try {
                while (valuesLeft > 0 && at < end) {
                    DataPage page = page();
                    if (page != null) {
                        valuesLeft -= page.getValueCount();
                        return page;
                    }
                }
                return null;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        /** The next data page, or null where the next page was of another kind. */
        private DataPage page() throws IOException {
            PageHeader header = header();
            int packed = size(header.getCompressed_page_size());
            int plain = size(header.getUncompressed_page_size());
            ByteBuffer bytes = ByteBuffer.wrap(read(channel, at, packed));
            at += packed;
            return switch (header.getType()) {
                case DATA_PAGE -> version1(header.getData_page_header(), bytes, plain);
                case DATA_PAGE_V2 -> version2(header.getData_page_header_v2(), bytes, plain);
                case DICTIONARY_PAGE -> {
                    if (header.getDictionary_page_header().getNum_values() > plain) {
                        throw new IOException("a dictionary of " + plain + " bytes claims "
                                + header.getDictionary_page_header().getNum_values() + " values");
                    }
                    dictionary = new DictionaryPage(
                            BytesInput.from(unpacked(bytes, plain)),
                            header.getDictionary_page_header().getNum_values(),
                            Encoding.PLAIN);
                    yield null;
                }
                case INDEX_PAGE -> null;
            };
        }

        private PageHeader header() throws IOException {
            channel.position(at);
            CountingStream in = new CountingStream(Channels.newInputStream(channel), MAX_HEADER);
            PageHeader header = Util.readPageHeader(in);
            at += in.count();
            boolean complete = switch (header.getType()) {
                case DATA_PAGE -> header.isSetData_page_header();
                case DATA_PAGE_V2 -> header.isSetData_page_header_v2();
                case DICTIONARY_PAGE -> header.isSetDictionary_page_header();
                case INDEX_PAGE -> true;
            };
            if (!complete) {
                throw new IOException("a " + PageType.valueOf(header.getType().name()) + " lacks its header");
            }
            return header;
        }

        private static int size(int claimed) throws IOException {
            if (claimed < 0 || claimed > MAX_PAGE) {
                throw new IOException("a page claims " + claimed + " bytes; at most " + MAX_PAGE + " are allowed");
            }
            return claimed;
        }

        private DataPage version1(DataPageHeader header, ByteBuffer bytes, int plain) throws IOException {
            return new DataPageV1(
                    BytesInput.from(unpacked(bytes, plain)),
                    header.getNum_values(),
                    plain,
                    none,
                    encoding(header.getRepetition_level_encoding()),
                    encoding(header.getDefinition_level_encoding()),
                    encoding(header.getEncoding()));
        }

        private DataPage version2(DataPageHeaderV2 header, ByteBuffer bytes, int plain) throws IOException {
            int repetition = header.getRepetition_levels_byte_length();
            int definition = header.getDefinition_levels_byte_length();
            if (repetition < 0
                    || definition < 0
                    || (long) repetition + definition > Math.min(bytes.remaining(), plain)) {
                throw new IOException("a page's levels are longer than the page");
            }
            ByteBuffer data = bytes.slice(repetition + definition, bytes.remaining() - repetition - definition);
            boolean packed = !header.isSetIs_compressed() || header.isIs_compressed();
            int size = plain - repetition - definition;
            return DataPageV2.uncompressed(
                    header.getNum_rows(),
                    header.getNum_nulls(),
                    header.getNum_values(),
                    BytesInput.from(bytes.slice(0, repetition)),
                    BytesInput.from(bytes.slice(repetition, definition)),
                    encoding(header.getEncoding()),
                    BytesInput.from(packed ? unpacked(data, size) : data),
                    none);
        }

        private static Encoding encoding(org.apache.parquet.format.Encoding encoding) {
            return Encoding.valueOf(encoding.name());
        }

        private ByteBuffer unpacked(ByteBuffer bytes, int plain) throws IOException {
            CompressionCodec codec = meta.getCodec();
            if (codec == CompressionCodec.UNCOMPRESSED || plain == 0) {
                return bytes;
            }
            byte[] packed = new byte[bytes.remaining()];
            bytes.get(packed);
            byte[] out = new byte[plain];
            long size = switch (codec) {
                case SNAPPY -> snappy(packed, out);
                case ZSTD -> Zstd.decompress(out, packed);
                case GZIP -> gzip(packed, out);
                default ->
                    throw new IOException("its pages are packed with " + codec
                            + ", which is not supported; supported are SNAPPY, ZSTD and GZIP");
            };
            if (size != plain) {
                throw new IOException("a page of " + plain + " bytes unpacks to another size or not at all");
            }
            return ByteBuffer.wrap(out);
        }

        private static long snappy(byte[] packed, byte[] out) throws IOException {
            return Snappy.uncompressedLength(packed) == out.length
                    ? Snappy.uncompress(packed, 0, packed.length, out, 0)
                    : -1;
        }

        private static long gzip(byte[] packed, byte[] out) throws IOException {
            try (InputStream in = new GZIPInputStream(new ByteArrayInputStream(packed))) {
                int read = in.readNBytes(out, 0, out.length);
                return in.read() < 0 ? read : -1;
            }
        }
    }

    /** Counts what is read, and ends early. */
    private static final class CountingStream extends InputStream {
        private final InputStream in;
        private final int max;
        private int count;

        CountingStream(InputStream in, int max) {
            this.in = in;
            this.max = max;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
        }

        @Override
        public int read(byte[] bytes, int from, int length) throws IOException {
            int read = in.read(bytes, from, Math.min(length, max - count));
            count += Math.max(0, read);
            return read;
        }

        int count() {
            return count;
        }
    }
}
