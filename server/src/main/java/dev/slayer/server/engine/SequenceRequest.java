package dev.slayer.server.engine;

import dev.slayer.server.guide.Guide;
import dev.slayer.surgery.layout.Layout;
import java.util.Objects;
import java.util.Optional;

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
 * @param guide what the generated text must be, compiled for the model's vocabulary
 * @param pooling how to make one vector of the prompt's hidden states, if that is wanted
 */
public record SequenceRequest(
        String model,
        Layout layout,
        int[] prompt,
        Sampling sampling,
        StopRules stop,
        Scores scores,
        boolean skipSpecialTokens,
        Optional<Guide> guide,
        Optional<Pooling> pooling) {
    public SequenceRequest {
        Objects.requireNonNull(model);
        Objects.requireNonNull(layout);
        prompt = prompt.clone();
        Objects.requireNonNull(sampling);
        Objects.requireNonNull(stop);
        Objects.requireNonNull(scores);
        Objects.requireNonNull(guide);
        Objects.requireNonNull(pooling);
    }

    /** Of a constrained text, without hidden states. */
    public SequenceRequest(
            String model,
            Layout layout,
            int[] prompt,
            Sampling sampling,
            StopRules stop,
            Scores scores,
            boolean skipSpecialTokens,
            Optional<Guide> guide) {
        this(model, layout, prompt, sampling, stop, scores, skipSpecialTokens, guide, Optional.empty());
    }

    /** Reads a prompt for its hidden states alone. */
    public static SequenceRequest pooled(String model, Layout layout, int[] prompt, Pooling pooling) {
        return new SequenceRequest(
                model,
                layout,
                prompt,
                Sampling.GREEDY,
                StopRules.after(0),
                Scores.NONE,
                true,
                Optional.empty(),
                Optional.of(pooling));
    }

    /** Of any text. */
    public SequenceRequest(
            String model,
            Layout layout,
            int[] prompt,
            Sampling sampling,
            StopRules stop,
            Scores scores,
            boolean skipSpecialTokens) {
        this(model, layout, prompt, sampling, stop, scores, skipSpecialTokens, Optional.empty());
    }
}
