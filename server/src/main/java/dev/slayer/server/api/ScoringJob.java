package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** A request for scores that is ready to run: tokenized, every limit checked. */
sealed interface ScoringJob permits ScoreRequest, PerplexityRequest {
    /** Most sequences of one request. */
    int MOST_PASSAGES = 1 << 14;

    /** Reads a body; for a worker thread. */
    interface Reader {
        /** What a body asks of a model. @throws dev.slayer.surgery.SlayerException 400 naming the field at fault */
        ScoringJob read(Fields fields, ServedModel model);
    }

    /** What the answer's id begins with. */
    String kind();

    /** The sequences to run, in the order that makes most of a prefix that they share. */
    List<Passage> passages();

    /** What the client should know although the request runs. */
    Optional<String> warning();

    /**
     * Writes the elements of the answer's {@code data}.
     *
     * @param scores of the passages, in their order
     */
    void writeData(JsonGenerator json, List<Passage.Score> scores) throws IOException;
}
