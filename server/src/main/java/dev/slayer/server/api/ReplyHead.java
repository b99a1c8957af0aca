package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.time.Instant;
import java.util.UUID;

/**
 * What every answer of a model begins with.
 *
 * @param id of the answer
 * @param created when it was asked for
 * @param shown what the answer calls the model
 * @param fingerprint of checkpoint and layout
 */
record ReplyHead(String id, Instant created, String shown, String fingerprint) {
    /** Of an answer that is being made now. */
    static ReplyHead now(String kind, ModelUse use) {
        return new ReplyHead(
                kind + "-" + UUID.randomUUID(),
                Instant.now(),
                use.shown(),
                use.model().fingerprint());
    }

    /** Fields of an object that has begun. */
    void write(JsonGenerator json, String object) throws IOException {
        json.writeStringField("id", id);
        json.writeStringField("object", object);
        json.writeNumberField("created", created.getEpochSecond());
        json.writeStringField("model", shown);
        json.writeStringField("system_fingerprint", fingerprint);
    }
}
