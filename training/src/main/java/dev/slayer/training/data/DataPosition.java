package dev.slayer.training.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.slayer.surgery.SlayerException;
import java.util.Objects;

/**
 * A place between two batches of a stream; it stays valid over restarts of the process, for the same files, options and codec. A few
 * hundred bytes as JSON, whatever the size of the data.
 *
 * @param fingerprint of files, options and codec
 * @param batches given before
 * @param tokens in them
 * @param padding places of padding in them
 * @param state of readers and packer, for this package only
 */
public record DataPosition(String fingerprint, long batches, long tokens, long padding, PackState state) {
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .build();

    public DataPosition {
        Objects.requireNonNull(fingerprint);
        Objects.requireNonNull(state);
    }

    static SlayerException damaged() {
        return Refusal.of(
                "position", "the data position is damaged: it names a place that the data does not have; begin anew");
    }

    /** As JSON, for a checkpoint. */
    public String toJson() {
        try {
            return JSON.writeValueAsString(this);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * What {@link #toJson} wrote.
     *
     * @throws dev.slayer.surgery.SlayerException 400 if it is anything else
     */
    public static DataPosition fromJson(String json) {
        try {
            DataPosition position = JSON.readValue(json, DataPosition.class);
            if (position == null) {
                throw damaged();
            }
            return position;
        } catch (JsonProcessingException e) {
            throw Refusal.of("position", "the data position is no position: " + SourceReader.reason(e), e);
        }
    }
}
