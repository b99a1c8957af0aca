package dev.slayer.server.engine;

import dev.slayer.surgery.SlayerException;
import java.util.List;
import java.util.Optional;

/**
 * What a sequence reports, in this order: any number of Distribution, at most one PromptScored, at most one Pooled, any number of
 * Generated, then exactly one Finished or Failed.
 */
public sealed interface SequenceEvent {
    /**
     * What the model expects after a position of the prompt; positions ascend by one and none comes twice. Sent as soon as it is
     * computed, so that the engine never holds more than one.
     *
     * @param position index in the prompt, whose next token the distribution predicts
     * @param logprobs raw log-softmax of every token of the vocabulary: [vocabulary]; reused after the call, so a listener copies what
     *     it keeps
     */
    record Distribution(int position, float[] logprobs) implements SequenceEvent {}

    /**
     * The prompt's scores, if asked for, before the first generated token.
     *
     * @param scores of tokens 1 to prompt-1; the first token has none: [prompt - 1]
     */
    record PromptScored(List<TokenScore> scores) implements SequenceEvent {}

    /**
     * The prompt's hidden states as one vector, if asked for.
     *
     * @param vector what the request's {@link Pooling} made of them, not scaled: [hidden]
     */
    record Pooled(float[] vector) implements SequenceEvent {}

    /**
     * One generated token.
     *
     * @param token its id
     * @param text what can be shown now: whole characters only, and nothing that might still become a stop string; often empty
     * @param score if asked for
     */
    record Generated(int token, String text, Optional<TokenScore> score) implements SequenceEvent {}

    /**
     * The end.
     *
     * @param reason why
     * @param stopReason the stop string (String) or stop token (Integer) that ended it; empty at EOS and at length
     * @param text what was held back and now follows the text of all Generated events
     * @param cachedTokens prompt tokens that came from the prefix cache
     */
    record Finished(FinishReason reason, Optional<Object> stopReason, String text, int cachedTokens)
            implements SequenceEvent {}

    /** The sequence failed; nothing follows. */
    record Failed(SlayerException error) implements SequenceEvent {}
}
