package dev.slayer.surgery.checkpoint;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.regex.Pattern;

/** JSON as a stranger may have written it: strict UTF-8, no duplicate keys, bounded in length, depth, names and numbers. */
final class Json {
    /** Factory for every parser of this package. */
    static final JsonFactory FACTORY = JsonFactory.builder()
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(32)
                    .maxNameLength(1_000)
                    .maxNumberLength(100)
                    .maxStringLength(1 << 20)
                    .build())
            .build();

    private static final ObjectMapper MAPPER = JsonMapper.builder(FACTORY)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private static final Pattern ADVICE = Pattern.compile(" \\((start marker|bound as) .*|, from `[^`]*`");

    private Json() {}

    /**
     * A small JSON file whose root is an object.
     *
     * @param file the name for messages
     * @param content where the content lies
     * @param limit most bytes the file may have
     */
    static JsonNode readObject(Path file, Path content, int limit) {
        byte[] bytes;
        try (InputStream in = Files.newInputStream(content, LinkOption.NOFOLLOW_LINKS)) {
            bytes = in.readNBytes(limit + 1);
        } catch (IOException e) {
            throw new CheckpointException(file, "cannot be read", e);
        }
        if (bytes.length > limit) {
            throw new CheckpointException(file, "is larger than the " + limit + " bytes that such a file may have");
        }
        try {
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
            JsonNode root = MAPPER.readTree(text);
            if (!root.isObject()) {
                throw new CheckpointException(file, "holds no JSON object");
            }
            return root;
        } catch (IOException e) {
            throw invalid(file, "", e);
        }
    }

    /** Characters of a stream in strict UTF-8. */
    static Reader utf8(InputStream in) {
        return new InputStreamReader(
                in,
                StandardCharsets.UTF_8
                        .newDecoder()
                        .onMalformedInput(CodingErrorAction.REPORT)
                        .onUnmappableCharacter(CodingErrorAction.REPORT));
    }

    /**
     * The refusal of text that is no JSON.
     *
     * @param part what in the file, ending in a space, or empty for the whole file
     */
    static CheckpointException invalid(Path file, String part, IOException e) {
        return switch (e) {
            case JsonProcessingException json ->
                new CheckpointException(file, part + "is not valid JSON" + at(json) + ": " + plain(json), e);
            case CharacterCodingException coding -> new CheckpointException(file, part + "is not valid UTF-8", coding);
            default -> new CheckpointException(file, part + "cannot be read", e);
        };
    }

    /** Where the text goes wrong; a limit that was passed has no place. */
    private static String at(JsonProcessingException e) {
        return e.getLocation() == null ? "" : " at character " + e.getLocation().getCharOffset();
    }

    /** The parser's words without its advice to programmers. */
    private static String plain(JsonProcessingException e) {
        return ADVICE.matcher(e.getOriginalMessage()).replaceAll("");
    }
}
