package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * How vectors are written.
 *
 * @param hidden dimensions that the model gives
 * @param dimensions of them, how many to write: the first
 * @param normalize whether to scale what is written to length 1
 * @param base64 the bytes of little-endian float32 in Base64, rather than an array of numbers
 */
record EmbeddingForm(int hidden, int dimensions, boolean normalize, boolean base64) {
    static EmbeddingForm read(Fields fields, int hidden) {
        String encoding = fields.text("encoding_format").orElse("float");
        if (!encoding.equals("float") && !encoding.equals("base64")) {
            throw SlayerException.badRequest(
                    "encoding_format",
                    "encoding_format='" + Excerpt.of(encoding) + "' is unknown; allowed: float, base64.");
        }
        return new EmbeddingForm(
                hidden,
                fields.integer("dimensions", 1, hidden).orElse(hidden),
                fields.flag("normalize", true),
                encoding.equals("base64"));
    }

    /**
     * Writes a vector.
     *
     * @param pooled [hidden]
     */
    void write(JsonGenerator json, float[] pooled) throws IOException {
        float[] vector = shaped(pooled);
        if (base64) {
            ByteBuffer bytes = ByteBuffer.allocate(vector.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            bytes.asFloatBuffer().put(vector);
            json.writeBinary(bytes.array());
        } else {
            json.writeStartArray();
            for (float value : vector) {
                json.writeNumber(value);
            }
            json.writeEndArray();
        }
    }

    private float[] shaped(float[] pooled) {
        float[] vector = Arrays.copyOf(pooled, dimensions);
        if (normalize) {
            double squares = 0;
            for (float value : vector) {
                squares += (double) value * value;
            }
            double length = Math.sqrt(squares);
            for (int i = 0; i < vector.length && length > 0; i++) {
                vector[i] = (float) (vector[i] / length);
            }
        }
        return vector;
    }
}
