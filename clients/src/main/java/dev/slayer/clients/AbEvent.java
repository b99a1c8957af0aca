package dev.slayer.clients;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.util.List;
import java.util.Map;

/** What a comparison of models reports, in the order in which it is found out. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type", defaultImpl = AbEvent.Unknown.class)
@JsonSubTypes({
    @JsonSubTypes.Type(value = AbEvent.Token.class, name = "token"),
    @JsonSubTypes.Type(value = AbEvent.Answer.class, name = "answer"),
    @JsonSubTypes.Type(value = AbEvent.Failure.class, name = "failure"),
    @JsonSubTypes.Type(value = AbEvent.Summary.class, name = "summary")
})
public sealed interface AbEvent {
    /**
     * A variant has said one more token.
     *
     * @param prompt index of the prompt
     * @param variant that says it
     * @param text what can be shown now; often empty
     * @param token its id
     * @param logprob its log-probability under that variant
     */
    record Token(int prompt, String variant, String text, int token, double logprob) implements AbEvent {}

    /**
     * A variant's whole answer.
     *
     * @param prompt index of the prompt
     * @param variant that gave it
     * @param text all of it
     * @param tokens what it is made of
     * @param finishReason {@code stop} or {@code length}
     */
    @JsonTypeInfo(use = JsonTypeInfo.Id.NONE)
    record Answer(int prompt, String variant, String text, List<ScoredToken> tokens, String finishReason)
            implements AbEvent {
        public Answer {
            tokens = tokens == null ? List.of() : List.copyOf(tokens);
        }
    }

    /**
     * A token of an answer.
     *
     * @param logprobs its log-probability under each variant
     */
    record ScoredToken(int token, String text, Map<String, Double> logprobs) {}

    /**
     * A variant takes no further part.
     *
     * @param status as an answer about this variant alone would have had
     * @param code machine-readable
     */
    @JsonTypeInfo(use = JsonTypeInfo.Id.NONE)
    record Failure(String variant, int status, String code, String message) implements AbEvent {}

    /**
     * How far the variants are from the reference.
     *
     * @param prompt index of the prompt; null for all prompts together, which comes last
     * @param reference the first variant
     * @param referenceLayout its layers
     * @param variants the others, but those that failed
     */
    @JsonTypeInfo(use = JsonTypeInfo.Id.NONE)
    record Summary(Integer prompt, String reference, String referenceLayout, List<Distance> variants)
            implements AbEvent {
        public Summary {
            variants = variants == null ? List.of() : List.copyOf(variants);
        }
    }

    /**
     * A variant's distance from the reference, over the reference's answer.
     *
     * @param layout its layers
     * @param tokens positions that were compared
     * @param kl KL(reference || variant) at each position, in nats; null for all prompts together
     * @param meanKl its mean
     * @param top1Agreement share of the positions where both have the same most probable token
     * @param perplexity of the answer under the variant
     * @param referencePerplexity and under the reference
     * @param perplexityDifference the variant's minus the reference's
     */
    record Distance(
            String variant,
            String layout,
            int tokens,
            List<Double> kl,
            double meanKl,
            @JsonProperty("top1_agreement") double top1Agreement,
            double perplexity,
            double referencePerplexity,
            double perplexityDifference) {}

    /** An event of a newer server. */
    record Unknown() implements AbEvent {}
}
