package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/** The one JSON configuration of this package: bounded when reading, without reflection. */
final class Json {
    private static final int DEEPEST = 100;

    static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(DEEPEST)
                            .maxNumberLength(100)
                            .maxStringLength(Integer.MAX_VALUE)
                            .build())
                    .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private Json() {}

    /**
     * The fields of a request body.
     *
     * @throws SlayerException 400 if the body is not one JSON object, saying where it breaks
     */
    static Fields parse(byte[] body) {
        try {
            checkUtf8(body);
            JsonNode tree = MAPPER.readTree(body);
            if (tree instanceof ObjectNode object) {
                return new Fields("", object);
            }
            throw invalid(
                    body.length == 0
                            ? "The request body is empty; a JSON object is needed."
                            : "The request body is not a JSON object.",
                    null);
        } catch (StreamConstraintsException e) {
            throw invalid(
                    "The request body is nested deeper than " + DEEPEST
                            + " levels, or holds a number of over 100 digits.",
                    e);
        } catch (JsonProcessingException e) {
            String where = e.getLocation() == null
                    ? ""
                    : " at line " + e.getLocation().getLineNr() + ", column "
                            + e.getLocation().getColumnNr();
            throw invalid("The request body is not valid JSON" + where + ": " + what(e) + ".", e);
        } catch (IOException e) {
            throw invalid("The request body is not valid JSON: its text is not UTF-8.", e);
        }
    }

    /** What the parser found; not how programmers could make it lenient. */
    private static String what(JsonProcessingException e) {
        String message = e.getOriginalMessage();
        int hint = message.indexOf(": enable `");
        return Excerpt.of(hint < 0 ? message : message.substring(0, hint));
    }

    /** The parser itself would take overlong forms and UTF-16. */
    private static void checkUtf8(byte[] body) throws CharacterCodingException {
        CharsetDecoder decoder = StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT);
        ByteBuffer in = ByteBuffer.wrap(body);
        CharBuffer out = CharBuffer.allocate(8192);
        CoderResult result = decoder.decode(in, out, true);
        while (result.isOverflow()) {
            out.clear();
            result = decoder.decode(in, out, true);
        }
        if (result.isError()) {
            result.throwException();
        }
    }

    private static SlayerException invalid(String message, Throwable cause) {
        return new SlayerException(400, "invalid_json", null, message, cause);
    }
}
