package dev.slayer.training.data;

import java.io.Closeable;
import java.io.IOException;
import java.util.List;

/** Draws examples from sources: always from the one that is furthest behind its share of the tokens. */
final class Mixer implements Closeable {
    private final List<SourceReader> readers;
    private final Encoder encoder;
    private final DataOptions options;
    private final boolean[] ended;
    private boolean over;

    Mixer(List<SourceReader> readers, Encoder encoder, DataOptions options) {
        this.readers = readers;
        this.encoder = encoder;
        this.options = options;
        this.ended = new boolean[readers.size()];
    }

    /** The next example, no longer than a row unless rows split it, or null at the end. */
    Example next() {
        for (int source = behind(); source >= 0 && !over; source = behind()) {
            Example example = from(readers.get(source));
            if (example != null) {
                return example;
            }
            ended[source] = true;
            over = options.order().end() == DataOptions.Order.End.FIRST;
        }
        return null;
    }

    private int behind() {
        int behind = -1;
        for (int i = 0; i < ended.length; i++) {
            boolean first = behind < 0
                    || readers.get(i).tokensPerWeight() < readers.get(behind).tokensPerWeight();
            if (!ended[i] && first) {
                behind = i;
            }
        }
        return behind;
    }

    private Example from(SourceReader reader) {
        boolean whole = options.packing().mode() == DataOptions.Packing.Mode.WHOLE;
        SourceReader.Entry entry;
        while ((entry = reader.next()) != null) {
            Example all;
            try {
                all = encoder.encode(entry.document());
            } catch (BadRow e) {
                reader.refused(entry, e.getMessage());
                continue;
            }
            Example example = whole ? all.cut(options.packing().length()) : all;
            if (example.teaches()) {
                reader.given(example.length(), example.length() < all.length());
                return example;
            }
            reader.dropped();
        }
        return null;
    }

    List<SourceState> state() {
        return readers.stream().map(SourceReader::state).toList();
    }

    List<DataReport.SourceReport> report() {
        return readers.stream().map(SourceReader::report).toList();
    }

    @Override
    public void close() throws IOException {
        for (SourceReader reader : readers) {
            reader.close();
        }
    }
}
