package dev.slayer.clients;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;

/** The API's JSON: snake_case names; fields that this client does not know are ignored, since servers add some. */
final class Json {
    private static final ObjectMapper MAPPER = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    private Json() {}

    static byte[] encode(Object value) {
        try {
            return MAPPER.writeValueAsBytes(value);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("The request cannot be written as JSON: " + e.getOriginalMessage(), e);
        }
    }

    /** @throws SlayerClientException code {@code invalid_response} if the text is no JSON of that shape */
    static <T> T decode(String json, Class<T> type) {
        try {
            T value = MAPPER.readValue(json, type);
            if (value == null) {
                throw SlayerClientException.invalidResponse("The server answered null.", null);
            }
            return value;
        } catch (JsonProcessingException e) {
            throw SlayerClientException.invalidResponse(
                    "The server's answer is not what the API promises: " + e.getOriginalMessage(), e);
        }
    }

    /**
     * A piece of a stream, which may turn out to be an error.
     *
     * @throws SlayerClientException the server's error, or code {@code invalid_response}
     */
    static <T> T decodePiece(String json, Class<T> type) {
        try {
            JsonNode tree = MAPPER.readTree(json);
            if (tree.hasNonNull("error")) {
                throw ServerErrors.inStream(tree.get("error"));
            }
            return MAPPER.treeToValue(tree, type);
        } catch (JsonProcessingException e) {
            throw SlayerClientException.invalidResponse(
                    "A piece of the stream is not what the API promises: " + e.getOriginalMessage(), e);
        }
    }

    /** The tree of a text that may be anything; a missing node if it is no JSON. */
    static JsonNode lenientTree(byte[] bytes) {
        try {
            return MAPPER.readTree(bytes);
        } catch (IOException notJson) {
            return MAPPER.missingNode();
        }
    }
}
