package dev.slayer.clients;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Cuts bytes into server-sent events, however the network split them.
 *
 * <p>Follows the event stream format of the WHATWG HTML standard: lines end in LF, CR or CRLF; a blank line ends an event;
 * lines that begin with a colon are comments; several {@code data} lines are one text. Reconnection ({@code id},
 * {@code retry}) is not for streams of tokens and is ignored. Not thread-safe: one parser per stream.
 */
public final class ServerSentEventParser {
    private static final byte[] BYTE_ORDER_MARK = {(byte) 0xEF, (byte) 0xBB, (byte) 0xBF};

    private final int maxEventBytes;
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();
    private final StringBuilder data = new StringBuilder();
    private String type = "";
    private boolean hasData;
    private boolean afterCarriageReturn;
    private boolean firstLine = true;

    /** @param maxEventBytes most bytes of one line and of one event's data; a longer one is refused */
    public ServerSentEventParser(int maxEventBytes) {
        this.maxEventBytes = maxEventBytes;
    }

    /**
     * Takes the next bytes of the stream.
     *
     * @return the events that are complete now, in order; often none
     * @throws SlayerClientException code {@code invalid_response} if a line or an event exceeds the limit
     */
    public List<ServerSentEvent> feed(ByteBuffer bytes) {
        List<ServerSentEvent> events = new ArrayList<>();
        while (bytes.hasRemaining()) {
            byte next = bytes.get();
            boolean endsCarriageReturn = afterCarriageReturn && next == '\n';
            afterCarriageReturn = next == '\r';
            if (endsCarriageReturn) {
                continue;
            }
            if (next == '\n' || next == '\r') {
                endLine(events);
            } else {
                limit(line.size() + 1);
                line.write(next);
            }
        }
        return events;
    }

    private void endLine(List<ServerSentEvent> events) {
        byte[] content = line.toByteArray();
        line.reset();
        int from = firstLine && startsWithByteOrderMark(content) ? BYTE_ORDER_MARK.length : 0;
        firstLine = false;
        String text = new String(content, from, content.length - from, StandardCharsets.UTF_8);
        if (text.isEmpty()) {
            endEvent(events);
        } else {
            takeField(text);
        }
    }

    private void takeField(String text) {
        int colon = text.indexOf(':');
        String name = colon < 0 ? text : text.substring(0, colon);
        String value = colon < 0 ? "" : text.substring(colon + 1);
        if (value.startsWith(" ")) {
            value = value.substring(1);
        }
        switch (name) {
            case "data" -> {
                limit(data.length() + value.length() + 1);
                if (hasData) {
                    data.append('\n');
                }
                data.append(value);
                hasData = true;
            }
            case "event" -> type = value;
            default -> {
                // Comments have the empty name; unknown fields are to be ignored.
            }
        }
    }

    private void endEvent(List<ServerSentEvent> events) {
        if (hasData) {
            events.add(new ServerSentEvent(type.isEmpty() ? "message" : type, data.toString()));
        }
        data.setLength(0);
        hasData = false;
        type = "";
    }

    private void limit(int size) {
        if (size > maxEventBytes) {
            throw SlayerClientException.invalidResponse(
                    "An event of the stream is longer than the limit of " + maxEventBytes + " bytes.", null);
        }
    }

    private static boolean startsWithByteOrderMark(byte[] content) {
        return content.length >= BYTE_ORDER_MARK.length
                && content[0] == BYTE_ORDER_MARK[0]
                && content[1] == BYTE_ORDER_MARK[1]
                && content[2] == BYTE_ORDER_MARK[2];
    }
}
