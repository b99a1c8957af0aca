package dev.slayer.server.api;

import dev.slayer.server.engine.Pooling;
import dev.slayer.server.engine.SequenceEvent;
import dev.slayer.server.engine.SequenceRequest;
import java.util.Optional;

/**
 * A text that becomes a vector [hidden].
 *
 * @param tokens at least one, as many as the context has at most
 */
record EmbeddedInput(int[] tokens, Pooling pooling) implements Reading<float[]> {
    @Override
    public int length() {
        return tokens.length;
    }

    @Override
    public SequenceRequest request(ServedModel model) {
        return SequenceRequest.pooled(model.checkpoint(), model.layout(), tokens, pooling);
    }

    @Override
    public Optional<float[]> result(SequenceEvent event) {
        return event instanceof SequenceEvent.Pooled pooled ? Optional.of(pooled.vector()) : Optional.empty();
    }
}
