package dev.slayer.surgery.layout;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.ToIntFunction;

/** Reads {@code embedding(NAME)}, {@code norm(NAME)} and {@code head(NAME)}, each at most once and behind all slots. */
final class EndsParser {
    private final Cursor cursor;
    private final ModelConfig base;
    private final Namespace others;
    private final Set<Ends.Kind> given = EnumSet.noneOf(Ends.Kind.class);
    private Ends ends = Ends.BASE;

    EndsParser(Cursor cursor, ModelConfig base, Namespace others) {
        this.cursor = cursor;
        this.base = base;
        this.others = others;
    }

    /** What has been read so far. */
    Ends ends() {
        return ends;
    }

    /** Whether a word before a parenthesis is one of the three. */
    static Optional<Ends.Kind> kind(String word) {
        return Arrays.stream(Ends.Kind.values())
                .filter(kind -> kind.word().equals(word))
                .findFirst();
    }

    /** @throws SlayerException 400 if one of the three has been read before this slot */
    void requireNoneBefore(int slot) {
        if (!given.isEmpty()) {
            throw cursor.refuse(slot, "a slot stands behind embedding(...), norm(...) or head(...); these come last");
        }
    }

    /**
     * Takes the name and the closing parenthesis.
     *
     * @param begin where the item begins
     */
    void read(Ends.Kind kind, int begin) {
        if (!given.add(kind)) {
            throw cursor.refuse(begin, kind.word() + "(...) is given twice; give it once");
        }
        cursor.spaces();
        int at = cursor.at();
        String name = cursor.name();
        if (name.isEmpty()) {
            throw cursor.unexpected("the name of a checkpoint, such as " + kind.word() + "(other)");
        }
        cursor.close(kind.word() + "(...)");
        if (others.baseName().filter(name::equals).isPresent()) {
            return;
        }
        if (kind == Ends.Kind.HEAD && base.tiedEmbeddings()) {
            throw cursor.refuse(
                    begin,
                    "this checkpoint's head is its embedding (tie_word_embeddings); write embedding(" + Excerpt.of(name)
                            + "), which changes both");
        }
        ModelConfig other = others.config(name)
                .orElseThrow(() -> cursor.refuse(
                        at,
                        "there is no checkpoint '" + Excerpt.of(name) + "'; load it, or leave " + kind.word()
                                + "(...) out"));
        requireFit(at, kind, name, other);
        ends = ends.with(kind, name);
    }

    private void requireFit(int at, Ends.Kind kind, String name, ModelConfig other) {
        same(at, kind, name, "hidden_size", ModelConfig::hiddenSize, other);
        if (kind != Ends.Kind.NORM) {
            same(at, kind, name, "vocab_size", ModelConfig::vocabularySize, other);
        }
        if (kind == Ends.Kind.NORM && base.rmsNormEps() != other.rmsNormEps()) {
            throw misfit(at, kind, name, "rms_norm_eps", other.rmsNormEps(), base.rmsNormEps());
        }
    }

    private void same(
            int at, Ends.Kind kind, String name, String dimension, ToIntFunction<ModelConfig> of, ModelConfig other) {
        if (of.applyAsInt(base) != of.applyAsInt(other)) {
            throw misfit(at, kind, name, dimension, of.applyAsInt(other), of.applyAsInt(base));
        }
    }

    private SlayerException misfit(int at, Ends.Kind kind, String name, String dimension, Number there, Number here) {
        return cursor.refuse(
                at,
                "the " + kind.word() + " of checkpoint '" + Excerpt.of(name) + "' does not fit: its " + dimension
                        + " is " + there + ", this checkpoint's is " + here);
    }
}
