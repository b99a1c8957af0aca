package dev.slayer.training.data;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;

/** JSON Lines: one object a line. Blank lines are passed over. */
final class JsonRows implements RowReader {
    private static final int MAX_NUMBER = 100;
    private static final int MAX_REASON = 200;

    private final LineReader lines;
    private final int max;
    private final ObjectMapper mapper;

    JsonRows(LineReader lines, DataOptions.Limits limits) {
        this.lines = lines;
        this.max = limits.rowBytes();
        StreamReadConstraints constraints = StreamReadConstraints.builder()
                .maxNestingDepth(limits.depth())
                .maxStringLength(limits.rowBytes())
                .maxNumberLength(MAX_NUMBER)
                .build();
        mapper = JsonMapper.builder(
                        JsonFactory.builder().streamReadConstraints(constraints).build())
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                .build();
    }

    @Override
    public Row next() throws IOException {
        while (lines.next()) {
            if (!lines.blank()) {
                return row();
            }
        }
        return null;
    }

    private Row row() {
        if (lines.tooLong()) {
            return Row.bad(lines.number(), "is longer than " + max + " bytes");
        }
        String text = Utf8.text(lines.bytes());
        if (text == null) {
            return Row.bad(lines.number(), Utf8.FAULT);
        }
        try {
            JsonNode value = mapper.readTree(text);
            return value.isObject()
                    ? Row.good(lines.number(), value)
                    : Row.bad(lines.number(), "is JSON, but no object");
        } catch (JsonProcessingException e) {
            return Row.bad(lines.number(), "is no JSON: " + clipped(e.getOriginalMessage()));
        }
    }

    private static String clipped(String reason) {
        String line = reason.lines().findFirst().orElse("");
        return line.length() > MAX_REASON ? line.substring(0, MAX_REASON) + "..." : line;
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
