package dev.slayer.server.api;

import dev.slayer.server.engine.SequenceEvent;
import dev.slayer.server.engine.SequenceRequest;
import java.util.Optional;

/**
 * Tokens that the engine reads for what it finds out about them, without generating any: one sequence.
 *
 * @param <R> what it finds out
 */
interface Reading<R> {
    /** How many tokens. */
    int length();

    /** What the engine is asked. */
    SequenceRequest request(ServedModel model);

    /**
     * What an event of the sequence says; empty for all events but one.
     *
     * @throws dev.slayer.surgery.SlayerException 500 if it is not what was asked for
     */
    Optional<R> result(SequenceEvent event);
}
