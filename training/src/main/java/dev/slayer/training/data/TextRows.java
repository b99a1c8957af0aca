package dev.slayer.training.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;

/** A text file that is one document. */
final class TextRows implements RowReader {
    private static final char BYTE_ORDER_MARK = '\uFEFF';

    private final DataFile file;
    private final int max;
    private boolean done;

    TextRows(DataFile file, int max, Place from) {
        this.file = file;
        this.max = max;
        this.done = from.rows() > 0;
    }

    @Override
    public Row next() throws IOException {
        if (done) {
            return null;
        }
        done = true;
        byte[] content;
        try (InputStream in = file.open(0)) {
            content = in.readNBytes(max);
            if (content.length == max && in.read() >= 0) {
                return Row.bad(
                        1,
                        "is one document of more than " + max
                                + " bytes; cut the file, raise the limit, or read it with the" + " format paragraphs");
            }
        }
        String text = Utf8.text(ByteBuffer.wrap(content));
        if (text == null) {
            return Row.bad(1, Utf8.FAULT);
        }
        boolean marked = !text.isEmpty() && text.charAt(0) == BYTE_ORDER_MARK;
        return Row.good(1, Utf8.row(marked ? text.substring(1) : text));
    }

    @Override
    public Place place() {
        return done ? new Place(1, 0) : Place.START;
    }

    @Override
    public void close() {
        // Nothing stays open between rows.
    }
}
