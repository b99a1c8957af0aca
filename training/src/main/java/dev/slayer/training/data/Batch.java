package dev.slayer.training.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;

/**
 * Rows of tokens. Arrays are row-major, [rows * length]; they belong to the batch and must not be written.
 *
 * @param number of the batch in its stream, from 0
 * @param rows rows here, which is fewer than in the whole batch after sharding
 * @param length tokens in a row
 * @param tokens ids; padding holds the id of EOS
 * @param targets for each place the token that the model shall predict there, which is the one that follows it; {@link #NO_TARGET}
 *     where nothing is learned: before tokens that are not learned, at the end of a document, on padding. The first token of a
 *     document is nobody's target
 * @param documents for each place the number of its document, from 0 in each row and rising, {@link #NO_DOCUMENT} on padding; null
 *     unless attention is to stay inside documents
 * @param used for each row how many places from its beginning hold no padding, [rows]
 * @param allTokens places of the whole batch, over all processes, that hold no padding
 * @param allTargets places of the whole batch with a target: what a mean loss is divided by
 */
public record Batch(
        long number,
        int rows,
        int length,
        int[] tokens,
        int[] targets,
        int[] documents,
        int[] used,
        long allTokens,
        long allTargets) {
    /** Stands in {@link #targets} where no loss is taken; PyTorch's ignore_index. */
    public static final int NO_TARGET = -100;

    /** Stands in {@link #documents} on padding. */
    public static final int NO_DOCUMENT = -1;

    /**
     * Positions for rotary embeddings, [rows * length]: from 0 in each document if documents are numbered, otherwise from 0 in each
     * row. A document that a row begins in the middle of begins at 0, too.
     */
    public int[] positions() {
        int[] positions = new int[tokens.length];
        for (int i = 0; i < positions.length; i++) {
            boolean goesOn = i % length != 0 && (documents == null || documents[i] == documents[i - 1]);
            positions[i] = goesOn ? positions[i - 1] + 1 : 0;
        }
        return positions;
    }

    /** Places here that hold no padding. */
    public long tokenCount() {
        return Arrays.stream(used).asLongStream().sum();
    }

    /** Places here with a target. */
    public long targetCount() {
        return Arrays.stream(targets).filter(target -> target != NO_TARGET).count();
    }

    /** Some of the rows, as for gradient accumulation; the counts over all stay. */
    public Batch slice(int from, int to) {
        Objects.checkFromToIndex(from, to, rows);
        return new Batch(
                number,
                to - from,
                length,
                Arrays.copyOfRange(tokens, from * length, to * length),
                Arrays.copyOfRange(targets, from * length, to * length),
                documents == null ? null : Arrays.copyOfRange(documents, from * length, to * length),
                Arrays.copyOfRange(used, from, to),
                allTokens,
                allTargets);
    }

    /** The batch in parts of at most so many rows, those without a target left out. */
    public List<Batch> parts(int most) {
        List<Batch> parts = new ArrayList<>();
        for (int row = 0; row < rows; row += most) {
            Batch part = slice(row, Math.min(rows, row + most));
            if (part.targetCount() > 0) {
                parts.add(part);
            }
        }
        return parts;
    }

    /** A batch of packed rows, filled up with rows of padding. */
    static Batch of(long number, DataOptions.Packing packing, List<PackedRow> packed, int padding) {
        List<PackedRow> all = new ArrayList<>(packed);
        while (all.size() < packing.rows()) {
            all.add(new PackedRow(packing.length(), padding));
        }
        int[] targets = joined(all, row -> row.targets);
        int[] used = all.stream().mapToInt(PackedRow::used).toArray();
        return new Batch(
                number,
                packing.rows(),
                packing.length(),
                joined(all, row -> row.tokens),
                targets,
                packing.documentAttention() ? joined(all, row -> row.documents) : null,
                used,
                Arrays.stream(used).asLongStream().sum(),
                Arrays.stream(targets).filter(target -> target != NO_TARGET).count());
    }

    private static int[] joined(List<PackedRow> rows, Function<PackedRow, int[]> part) {
        return rows.stream().map(part).flatMapToInt(Arrays::stream).toArray();
    }
}
