package dev.slayer.server.engine;

import dev.slayer.surgery.layout.Layout;
import java.util.Objects;

/**
 * What a client asks of one sequence.
 *
 * @param model name of the checkpoint
 * @param layout the stack to run
 * @param prompt token ids, at least one: [prompt]
 * @param sampling how tokens are drawn
 * @param stop when generation ends
 * @param scores which log-probabilities to report
 * @param skipSpecialTokens leave special tokens out of the text
 */
public record SequenceRequest(
        String model,
        Layout layout,
        int[] prompt,
        Sampling sampling,
        StopRules stop,
        Scores scores,
        boolean skipSpecialTokens) {
    public SequenceRequest {
        Objects.requireNonNull(model);
        Objects.requireNonNull(layout);
        prompt = prompt.clone();
        Objects.requireNonNull(sampling);
        Objects.requireNonNull(stop);
        Objects.requireNonNull(scores);
    }
}
