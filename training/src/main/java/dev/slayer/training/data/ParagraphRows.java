package dev.slayer.training.data;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Paragraphs of a text file: lines up to a blank one, joined by LF. */
final class ParagraphRows implements RowReader {
    private final LineReader lines;
    private final int max;

    ParagraphRows(LineReader lines, int max) {
        this.lines = lines;
        this.max = max;
    }

    @Override
    public Row next() throws IOException {
        do {
            if (!lines.next()) {
                return null;
            }
        } while (lines.blank());
        long number = lines.number();
        ByteArrayOutputStream paragraph = new ByteArrayOutputStream();
        boolean tooLong = false;
        do {
            ByteBuffer line = lines.bytes();
            tooLong |= lines.tooLong() || paragraph.size() + (long) line.remaining() + 1 > max;
            if (!tooLong) {
                if (paragraph.size() > 0) {
                    paragraph.write('\n');
                }
                byte[] bytes = new byte[line.remaining()];
                line.get(bytes);
                paragraph.writeBytes(bytes);
            }
        } while (lines.next() && !lines.blank());
        if (tooLong) {
            return Row.bad(number, "is a paragraph of more than " + max + " bytes");
        }
        String text = Utf8.text(ByteBuffer.wrap(paragraph.toByteArray()));
        return text == null ? Row.bad(number, Utf8.FAULT) : Row.good(number, Utf8.row(text));
    }

    @Override
    public Place place() {
        return lines.place();
    }

    @Override
    public void close() throws IOException {
        lines.close();
    }
}
