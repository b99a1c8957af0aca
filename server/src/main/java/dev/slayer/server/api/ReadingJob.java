package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * A request that is answered by reading alone, ready to run: tokenized, every limit checked.
 *
 * @param <R> what is found out about each sequence
 */
sealed interface ReadingJob<R> permits ScoreRequest, PerplexityRequest, EmbeddingRequest {
    /** Most sequences of one request. */
    int MOST_PASSAGES = 1 << 14;

    /** Reads a body; for a worker thread. */
    interface Reader<R> {
        /** What a body asks of a model. @throws dev.slayer.surgery.SlayerException 400 naming the field at fault */
        ReadingJob<R> read(Fields fields, ServedModel model);
    }

    /** What the answer's id begins with. */
    String kind();

    /** The sequences to run, in the order that makes most of a prefix that they share. */
    List<? extends Reading<R>> readings();

    /** What the client should know although the request runs. */
    Optional<String> warning();

    /** Bytes that the results take until they have been sent, beyond about as many as the tokens. */
    default long bytes() {
        return 0;
    }

    /**
     * Writes the elements of the answer's {@code data}.
     *
     * @param results of the sequences, in their order
     */
    void writeData(JsonGenerator json, List<R> results) throws IOException;
}
