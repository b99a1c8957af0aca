package dev.slayer.clients;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ServerSentEventParserTest {
    private static final String STREAM =
            ": hello\n\ndata: {\"a\":\"ä→😀\"}\n\nevent: note\ndata: one\ndata: two\n\ndata: [DONE]\n\n";
    private static final List<ServerSentEvent> EVENTS = List.of(
            new ServerSentEvent("message", "{\"a\":\"ä→😀\"}"),
            new ServerSentEvent("note", "one\ntwo"),
            new ServerSentEvent("message", "[DONE]"));

    @ParameterizedTest
    @ValueSource(strings = {"\n", "\r", "\r\n"})
    void everySplitOfTheBytesGivesTheSameEvents(String lineEnd) {
        byte[] bytes = STREAM.replace("\n", lineEnd).getBytes(StandardCharsets.UTF_8);
        for (int first = 0; first <= bytes.length; first++) {
            for (int second = first; second <= bytes.length; second += 7) {
                assertThat(parse(bytes, first, second))
                        .as("cut at %d and %d", first, second)
                        .isEqualTo(EVENTS);
            }
        }
    }

    @Test
    void oneByteAtATimeGivesTheSameEvents() {
        ServerSentEventParser parser = new ServerSentEventParser(1000);
        List<ServerSentEvent> events = new ArrayList<>();
        for (byte next : STREAM.getBytes(StandardCharsets.UTF_8)) {
            events.addAll(parser.feed(ByteBuffer.wrap(new byte[] {next})));
        }
        assertThat(events).isEqualTo(EVENTS);
    }

    @Test
    void onlyOneSpaceAfterTheColonIsDropped() {
        assertThat(parse("data:  two\n\ndata:none\n\n"))
                .extracting(ServerSentEvent::data)
                .containsExactly(" two", "none");
    }

    @Test
    void linesWithoutColonAndUnknownFieldsAndCommentsAreNoData() {
        assertThat(parse("data\n\n")).containsExactly(new ServerSentEvent("message", ""));
        assertThat(parse("id: 7\nretry: 10\nnonsense\n:data: no\n\n")).isEmpty();
    }

    @Test
    void anEventTypeDoesNotOutliveItsEvent() {
        assertThat(parse("event: a\n\ndata: x\n\n")).containsExactly(new ServerSentEvent("message", "x"));
    }

    @Test
    void aByteOrderMarkInFrontIsDropped() {
        assertThat(parse("\uFEFFdata: x\n\n")).containsExactly(new ServerSentEvent("message", "x"));
    }

    @Test
    void anEventWithoutItsBlankLineIsNotDelivered() {
        assertThat(parse("data: x\n")).isEmpty();
    }

    @Test
    void anEndlessLineOrEventIsRefused() {
        ServerSentEventParser parser = new ServerSentEventParser(100);
        assertThatThrownBy(() -> parser.feed(bytes("data: " + "x".repeat(200))))
                .isInstanceOfSatisfying(
                        SlayerClientException.class, e -> assertThat(e.code()).isEqualTo("invalid_response"))
                .hasMessageContaining("100 bytes");
        assertThatThrownBy(() -> new ServerSentEventParser(100).feed(bytes("data: 0123456789\n".repeat(20))))
                .isInstanceOf(SlayerClientException.class);
    }

    private static List<ServerSentEvent> parse(String text) {
        return new ServerSentEventParser(1000).feed(bytes(text));
    }

    private static List<ServerSentEvent> parse(byte[] bytes, int first, int second) {
        ServerSentEventParser parser = new ServerSentEventParser(1000);
        List<ServerSentEvent> events = new ArrayList<>(parser.feed(ByteBuffer.wrap(bytes, 0, first)));
        events.addAll(parser.feed(ByteBuffer.wrap(bytes, first, second - first)));
        events.addAll(parser.feed(ByteBuffer.wrap(bytes, second, bytes.length - second)));
        return events;
    }

    private static ByteBuffer bytes(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    }
}
