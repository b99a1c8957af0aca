package dev.slayer.training.data;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What is trained on and how it is cut into batches. {@link #of} has the defaults; the {@code with} methods change one part.
 *
 * @param sources at least one, with unique names
 * @param packing shape of batches
 * @param order seed, shuffling, passes, ends
 * @param validation what is held back
 * @param learning what is learned of a row
 * @param limits on hostile rows
 */
public record DataOptions(
        List<DataSource> sources,
        Packing packing,
        Order order,
        Validation validation,
        Learning learning,
        Limits limits) {
    private static final int MAX_LENGTH = 1 << 20;
    private static final long MAX_TOKENS_PER_BATCH = 1L << 26;

    public DataOptions {
        sources = List.copyOf(sources);
        if (sources.isEmpty()) {
            throw Refusal.of("data", "there is no source; name at least one file");
        }
        unique(sources);
        unique(validation.sources());
    }

    /** Plain settings: continued pre-training on rows of this many tokens, one pass, seed 0, nothing held back. */
    public static DataOptions of(List<DataSource> sources, int length, int rows) {
        return new DataOptions(
                sources,
                new Packing(length, rows, Packing.Mode.SPLIT, false),
                new Order(0, 1, 0, 10_000, Order.End.ALL),
                new Validation(0, List.of(), 0),
                new Learning(Learning.Style.TEMPLATE, true, true),
                Limits.defaults());
    }

    public DataOptions withPacking(Packing other) {
        return new DataOptions(sources, other, order, validation, learning, limits);
    }

    public DataOptions withOrder(Order other) {
        return new DataOptions(sources, packing, other, validation, learning, limits);
    }

    public DataOptions withValidation(Validation other) {
        return new DataOptions(sources, packing, order, other, learning, limits);
    }

    public DataOptions withLearning(Learning other) {
        return new DataOptions(sources, packing, order, validation, other, limits);
    }

    public DataOptions withLimits(Limits other) {
        return new DataOptions(sources, packing, order, validation, learning, other);
    }

    private static void unique(List<DataSource> sources) {
        Set<String> names = new HashSet<>();
        for (DataSource source : sources) {
            if (!names.add(source.name())) {
                throw Refusal.of(
                        "data",
                        "source '" + source.name()
                                + "' is named twice; give each source a name of its own, and a larger"
                                + " weight to what should come more often");
            }
        }
    }

    /**
     * Shape of batches.
     *
     * @param length tokens in a row
     * @param rows rows in a batch, over all processes
     * @param documentAttention number the documents of each row, so that attention can stay inside them
     */
    public record Packing(int length, int rows, Mode mode, boolean documentAttention) {
        /** What happens where a document does not fit into what is left of a row. */
        public enum Mode {
            /** It is cut and goes on in the next row: no padding, for pre-training. */
            SPLIT,
            /** It goes whole into another row: for fine-tuning. Only what is longer than a row is cut, and counted. */
            WHOLE
        }

        public Packing {
            if (length < 2 || length > MAX_LENGTH) {
                throw Refusal.of(
                        "length", "sequence length " + length + " is outside the allowed range 2-" + MAX_LENGTH);
            }
            if (rows < 1 || (long) rows * length > MAX_TOKENS_PER_BATCH) {
                throw Refusal.of(
                        "rows",
                        rows + " rows of " + length + " tokens; allowed are 1 row to " + MAX_TOKENS_PER_BATCH
                                + " tokens in a batch");
            }
        }
    }

    /**
     * Order and end of the stream.
     *
     * @param seed of everything that is drawn
     * @param epochs passes over each source; 0 repeats until the tokens are used up
     * @param tokens the stream ends with the batch that reaches this number; 0 for no such end
     * @param shuffle rows that are shuffled among each other; 0 or 1 keeps the order of the files
     * @param end what happens when a source has given all its passes
     */
    public record Order(long seed, int epochs, long tokens, int shuffle, End end) {
        private static final int MAX_SHUFFLE = 1 << 20;

        /** When the stream of a mixture ends. */
        public enum End {
            /** With the last source: the others go on among themselves. */
            ALL,
            /** With the first source, so that the ratio holds to the end. */
            FIRST
        }

        public Order {
            if (epochs < 0 || tokens < 0 || (epochs == 0 && tokens == 0)) {
                throw Refusal.of(
                        "epochs",
                        "epochs=" + epochs + " with tokens=" + tokens
                                + " has no end; set epochs to 1 or more, or tokens");
            }
            if (shuffle < 0 || shuffle > MAX_SHUFFLE) {
                throw Refusal.of("shuffle", "shuffle=" + shuffle + " is outside the allowed range 0-" + MAX_SHUFFLE);
            }
        }
    }

    /**
     * What is held back for validation.
     *
     * @param share of the rows of each source, 0 to below 1. A row's text decides, so equal rows fall on the same side whatever the
     *     seed, the order or the file
     * @param sources files of their own, read whole
     * @param tokens each domain's stream ends with the batch that reaches this number; 0 for no such end
     */
    public record Validation(double share, List<DataSource> sources, long tokens) {
        public Validation {
            sources = List.copyOf(sources);
            if (!(share >= 0 && share < 1)) {
                throw Refusal.of(
                        "validation", "validation share " + share + " is outside the allowed range 0 to below 1");
            }
            if (tokens < 0) {
                throw Refusal.of("validation", "validation tokens " + tokens + " must be 0 or more");
            }
        }
    }

    /**
     * What is learned of a row.
     *
     * @param style how conversations are written
     * @param answersOnly learn only answers of conversations and prompt-completion rows; otherwise all their tokens
     * @param bos begin documents with BOS where the codec has one (conversations have what their template writes)
     */
    public record Learning(Style style, boolean answersOnly, boolean bos) {
        /** How conversations are written. */
        public enum Style {
            /** By the checkpoint's chat template; refused if it has none. */
            TEMPLATE,
            /**
             * For checkpoints without a template: each message under {@code ### System:}, {@code ### Instruction:} or
             * {@code ### Response:} and a newline, two newlines between messages, EOS after each answer.
             */
            PLAIN
        }
    }

    /**
     * Limits on hostile rows.
     *
     * @param rowBytes longest line, row or .txt file, in bytes of UTF-8
     * @param depth deepest nesting of JSON
     * @param badShare share of bad rows of a source above which the data is refused
     * @param judgedAfter rows that must have been read before the share counts
     * @param badKept bad rows that are kept for the report
     */
    public record Limits(int rowBytes, int depth, double badShare, int judgedAfter, int badKept) {
        public Limits {
            if (rowBytes < 1 || rowBytes > 1 << 30) {
                throw Refusal.of("rowBytes", "rowBytes=" + rowBytes + " is outside the allowed range 1-" + (1 << 30));
            }
            if (depth < 4 || depth > 1000) {
                throw Refusal.of("depth", "depth=" + depth + " is outside the allowed range 4-1000");
            }
            if (!(badShare >= 0 && badShare <= 1) || judgedAfter < 1 || badKept < 1 || badKept > 10_000) {
                throw Refusal.of(
                        "badShare",
                        "badShare=" + badShare + " (0-1), judgedAfter=" + judgedAfter + " (at least 1), badKept="
                                + badKept + " (1-10000): outside the allowed ranges");
            }
        }

        /** 16 MiB, 64 levels, 1 % after 100 rows, 20 kept. */
        public static Limits defaults() {
            return new Limits(16 << 20, 64, 0.01, 100, 20);
        }
    }
}
