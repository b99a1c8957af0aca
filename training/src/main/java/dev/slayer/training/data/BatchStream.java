package dev.slayer.training.data;

import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Batches, one after the other. Equal options, files and codec give equal batches. Not thread-safe; any one thread at a time. Memory is
 * bounded by the shuffled block of each source and the batch, not by the data.
 */
public final class BatchStream implements Closeable {
    private final String fingerprint;
    private final DataOptions.Packing packing;
    private final long mostTokens;
    private final int paddingToken;
    private final Mixer mixer;
    private final Packer packer;
    private final int rank;
    private final int of;
    private long batches;
    private long tokens;
    private long padding;

    private BatchStream(
            String fingerprint,
            DataOptions.Packing packing,
            long mostTokens,
            int paddingToken,
            Mixer mixer,
            Packer packer) {
        this.fingerprint = fingerprint;
        this.packing = packing;
        this.mostTokens = mostTokens;
        this.paddingToken = paddingToken;
        this.mixer = mixer;
        this.packer = packer;
        this.rank = 0;
        this.of = 1;
    }

    private BatchStream(BatchStream whole, int rank, int of) {
        this.fingerprint = whole.fingerprint;
        this.packing = whole.packing;
        this.mostTokens = whole.mostTokens;
        this.paddingToken = whole.paddingToken;
        this.mixer = whole.mixer;
        this.packer = whole.packer;
        this.rank = rank;
        this.of = of;
        this.batches = whole.batches;
        this.tokens = whole.tokens;
        this.padding = whole.padding;
    }

    /** @param from null to begin at the beginning; readers must stand where it says */
    static BatchStream of(
            String fingerprint,
            DataOptions options,
            long mostTokens,
            Encoder encoder,
            List<SourceReader> readers,
            DataPosition from) {
        Mixer mixer = new Mixer(readers, encoder, options);
        PackState state = from == null ? new PackState(mixer.state(), 0, 0) : from.state();
        Packer packer = Packer.of(mixer, options.packing(), encoder.padding(), state.offset(), state.rows());
        BatchStream stream =
                new BatchStream(fingerprint, options.packing(), mostTokens, encoder.padding(), mixer, packer);
        if (from != null) {
            stream.batches = from.batches();
            stream.tokens = from.tokens();
            stream.padding = from.padding();
        }
        return stream;
    }

    /**
     * One process's part of this stream, which must not be used any more: of each batch a range of rows. The parts of all ranks make up
     * the batch; all processes read all the data. Positions are those of the whole stream.
     *
     * @param rank 0 to of - 1
     * @param of processes, at most as many as a batch has rows
     */
    public BatchStream shard(int rank, int of) {
        if (of < 1 || of > packing.rows() || rank < 0 || rank >= of || this.of != 1) {
            throw Refusal.of(
                    "nproc",
                    "part " + rank + " of " + of + " of batches with " + packing.rows()
                            + " rows; parts are numbered from 0, each needs a row, and a part is not divided again");
        }
        return new BatchStream(this, rank, of);
    }

    /**
     * The next batch, or empty at the end. The last one is filled up with padding.
     *
     * @throws dev.slayer.surgery.SlayerException 400 if files cannot be read on, or if too many rows are bad
     */
    public Optional<Batch> next() {
        if (mostTokens > 0 && tokens >= mostTokens) {
            return Optional.empty();
        }
        List<PackedRow> rows = new ArrayList<>();
        PackedRow row;
        while (rows.size() < packing.rows() && (row = packer.next()) != null) {
            rows.add(row);
        }
        if (rows.isEmpty()) {
            return Optional.empty();
        }
        Batch batch = Batch.of(batches, packing, rows, paddingToken);
        batches++;
        tokens += batch.allTokens();
        padding += batch.tokens().length - batch.allTokens();
        int from = (int) ((long) packing.rows() * rank / of);
        int to = (int) ((long) packing.rows() * (rank + 1) / of);
        return Optional.of(of == 1 ? batch : batch.slice(from, to));
    }

    /** The place behind the batch that was given last; see {@link TrainingData#train(DataPosition)}. */
    public DataPosition position() {
        return new DataPosition(fingerprint, batches, tokens, padding, packer.state());
    }

    /** What was read and given so far. After going on from a position the kept bad rows are those seen since. */
    public DataReport report() {
        double places = tokens + (double) padding;
        return new DataReport(mixer.report(), batches, tokens, places == 0 ? 0 : padding / places);
    }

    @Override
    public void close() {
        try {
            mixer.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
