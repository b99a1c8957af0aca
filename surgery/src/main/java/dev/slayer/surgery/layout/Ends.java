package dev.slayer.surgery.layout;

import dev.slayer.surgery.checkpoint.ModelConfig;
import java.util.Objects;
import java.util.StringJoiner;
import java.util.stream.Stream;

/**
 * Where a model takes what lies before its first and behind its last slot: embedding, final norm and head, each by the name of a
 * checkpoint; the empty name is the base. Written {@code embedding(math),norm(math),head(math)} behind the slots.
 *
 * <p>A base whose head is its embedding ({@code tie_word_embeddings}) has no head to name: there {@code embedding(math)} changes
 * both, and {@link #head} is empty.
 */
public record Ends(String embedding, String norm, String head) {
    /** All three are the base's. */
    public static final Ends BASE = new Ends("", "", "");

    /** Which tensor. */
    enum Kind {
        EMBEDDING("embedding"),
        NORM("norm"),
        HEAD("head");

        private final String word;

        Kind(String word) {
            this.word = word;
        }

        /** As it is written. */
        String word() {
            return word;
        }
    }

    public Ends {
        Objects.requireNonNull(embedding);
        Objects.requireNonNull(norm);
        Objects.requireNonNull(head);
    }

    /** The checkpoint whose matrix turns hidden states into logits, for a base of this shape. */
    public String headOf(ModelConfig base) {
        return base.tiedEmbeddings() ? embedding : head;
    }

    /** Names of the checkpoints other than the base; one may come several times. */
    public Stream<String> checkpoints() {
        return Stream.of(embedding, norm, head).filter(name -> !name.isEmpty());
    }

    /** Canonical text; empty if all three are the base's. */
    public String text() {
        StringJoiner text = new StringJoiner(",");
        for (Kind kind : Kind.values()) {
            if (!of(kind).isEmpty()) {
                text.add(kind.word + "(" + of(kind) + ")");
            }
        }
        return text.toString();
    }

    private String of(Kind kind) {
        return switch (kind) {
            case EMBEDDING -> embedding;
            case NORM -> norm;
            case HEAD -> head;
        };
    }

    /** The same with another checkpoint for one of them. */
    Ends with(Kind kind, String checkpoint) {
        return switch (kind) {
            case EMBEDDING -> new Ends(checkpoint, norm, head);
            case NORM -> new Ends(embedding, checkpoint, head);
            case HEAD -> new Ends(embedding, norm, checkpoint);
        };
    }
}
