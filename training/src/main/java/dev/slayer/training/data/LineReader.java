package dev.slayer.training.data;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** Lines of a stream, ended by LF or CRLF. Of a line that is too long nothing is kept, but it is read to its end. */
final class LineReader implements Closeable {
    private static final int BUFFER = 1 << 16;

    private final InputStream in;
    private final int max;
    private final byte[] buffer = new byte[BUFFER];
    private int at;
    private int end;
    private byte[] line = new byte[BUFFER];
    private int length;
    private boolean tooLong;
    private long lines;
    private long offset;

    private LineReader(InputStream in, int max, Place from) {
        this.in = in;
        this.max = max;
        this.lines = from.rows();
        this.offset = from.offset();
    }

    static LineReader open(DataFile file, int max, Place from) throws IOException {
        return new LineReader(file.open(from.offset()), max, from);
    }

    /** Reads the next line; false at the end. */
    boolean next() throws IOException {
        length = 0;
        tooLong = false;
        if (at == end && !fill()) {
            return false;
        }
        lines++;
        do {
            int from = at;
            while (at < end && buffer[at] != '\n') {
                at++;
            }
            keep(from, at - from);
            offset += at - from;
            if (at < end) {
                at++;
                offset++;
                break;
            }
        } while (fill());
        if (length > 0 && line[length - 1] == '\r') {
            length--;
        }
        return true;
    }

    private boolean fill() throws IOException {
        at = 0;
        end = Math.max(0, in.read(buffer));
        return end > 0;
    }

    private void keep(int from, int count) {
        tooLong |= length + (long) count > max;
        if (tooLong) {
            length = 0;
            return;
        }
        if (length + count > line.length) {
            line = Arrays.copyOf(line, Math.min(max, Math.max(length + count, 2 * line.length)));
        }
        System.arraycopy(buffer, from, line, length, count);
        length += count;
    }

    /** Whether the line is longer than allowed; then its bytes are gone. */
    boolean tooLong() {
        return tooLong;
    }

    /** Whether it has nothing but white space. */
    boolean blank() {
        for (int i = 0; i < length; i++) {
            if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r') {
                return false;
            }
        }
        return !tooLong;
    }

    /** The line's bytes without its end, valid until the next line; a byte order mark at the file's beginning is left out. */
    ByteBuffer bytes() {
        boolean marked =
                lines == 1 && length >= 3 && line[0] == (byte) 0xEF && line[1] == (byte) 0xBB && line[2] == (byte) 0xBF;
        return marked ? ByteBuffer.wrap(line, 3, length - 3) : ByteBuffer.wrap(line, 0, length);
    }

    /** The line's number, from 1. */
    long number() {
        return lines;
    }

    /** Behind the line. */
    Place place() {
        return new Place(lines, offset);
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
