package dev.slayer.training.data;

import dev.slayer.surgery.SlayerException;
import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The documents of one source, pass after pass. Rows are read in blocks; each block is shuffled by a seed that its place gives, so that a
 * place and a number are enough to go on from. A block has at most {@link DataOptions.Order#shuffle} documents and
 * {@value #BLOCK_CHARACTERS} characters and one row more.
 */
final class SourceReader implements Closeable {
    static final long BLOCK_CHARACTERS = 32 << 20;

    /** Which rows are read. */
    enum Side {
        ALL,
        TRAINING,
        VALIDATION
    }

    /** A document and where it comes from. */
    record Entry(Document document, DataFile file, long number) {}

    private final int index;
    private final Source source;
    private final DataOptions options;
    private final Side side;
    private final BadRows badRows;
    private final List<Entry> block = new ArrayList<>();
    private int[] order = {};
    private SourceState start; // of the present block
    private SourceState next; // of the block behind it; its taken and tally are not used
    private int taken;
    private SourceState.Tally tally;
    private RowReader reader;
    private int openFile = -1;

    /** @param index the source's number, which its random order depends on */
    SourceReader(int index, Source source, DataOptions options, Side side, SourceState from) {
        this.index = index;
        this.source = source;
        this.options = options;
        this.side = side;
        this.badRows = new BadRows(source.spec().name(), options.limits());
        this.start = from;
        this.next = from;
        this.tally = from.tally();
        if (from.taken() > 0) {
            load();
            if (from.taken() > block.size()) {
                throw DataPosition.damaged();
            }
            this.taken = from.taken();
        }
    }

    /** The next document, or null when all passes are over. */
    Entry next() {
        while (taken == block.size()) {
            if (next.pass() > 0 && tally.documents() == 0) {
                throw nothing();
            }
            if (options.order().epochs() > 0 && next.pass() >= options.order().epochs()) {
                return null;
            }
            load();
        }
        return block.get(order[taken++]);
    }

    private SlayerException nothing() {
        String where = switch (side) {
            case ALL -> "";
            case TRAINING -> " for training";
            case VALIDATION -> " for validation";
        };
        return badRows.refusal("source '" + source.spec().name() + "' has no row" + where);
    }

    /** The document that was given last became an example. */
    void given(int tokens, boolean truncated) {
        tally = new SourceState.Tally(
                tally.documents() + 1,
                tally.tokens() + tokens,
                tally.truncated() + (truncated ? 1 : 0),
                tally.dropped(),
                tally.refused());
    }

    /** The document that was given last has nothing to learn. */
    void dropped() {
        tally = new SourceState.Tally(
                tally.documents(), tally.tokens(), tally.truncated(), tally.dropped() + 1, tally.refused());
    }

    /** The document that was given last cannot be used. */
    void refused(Entry entry, String reason) {
        if (start.pass() > 0) {
            return;
        }
        tally = new SourceState.Tally(
                tally.documents(), tally.tokens(), tally.truncated(), tally.dropped(), tally.refused() + 1);
        badRows.keep(entry.file(), entry.number(), reason);
        judge(next.counts());
    }

    private void judge(SourceState.Counts counts) {
        badRows.judge(counts.bad() + tally.refused(), counts.rows());
    }

    private void load() {
        start = next;
        block.clear();
        taken = 0;
        Filling filling = new Filling();
        try {
            next = filling.fill();
        } catch (IOException | UncheckedIOException e) {
            throw filling.damaged(e);
        }
        boolean shuffled = options.order().shuffle() > 1;
        order = shuffled
                ? draws(start.pass(), 1 + fileOf(start), start.place().rows()).permutation(block.size())
                : inOrder(block.size());
    }

    private static int[] inOrder(int n) {
        int[] order = new int[n];
        for (int i = 0; i < n; i++) {
            order[i] = i;
        }
        return order;
    }

    private int fileOf(SourceState state) {
        return fileOrder(state.pass())[state.file()];
    }

    /** Files change places from pass to pass, so that blocks differ. */
    private int[] fileOrder(int pass) {
        int count = source.files().size();
        return options.order().shuffle() > 1 ? draws(pass, 0, 0).permutation(count) : inOrder(count);
    }

    private Draws draws(long pass, long file, long row) {
        return new Draws(options.order().seed(), index, pass, file, row);
    }

    /** Fills the block from its start on. */
    private final class Filling {
        private final int[] files = fileOrder(start.pass());
        private final boolean first = start.pass() == 0;
        private final int most = Math.max(1, options.order().shuffle());
        private int file = start.file();
        private long rows = start.counts().rows();
        private long bad = start.counts().bad();
        private long empty = start.counts().empty();
        private long characters;
        private long number = start.place().rows();

        SourceState fill() throws IOException {
            Place place = start.place();
            for (; file < files.length; file++, place = Place.START) {
                open(place);
                Row row = null;
                while (block.size() < most && characters < BLOCK_CHARACTERS && (row = reader.next()) != null) {
                    number = row.number();
                    take(row);
                }
                if (block.size() >= most || characters >= BLOCK_CHARACTERS) {
                    return state(start.pass(), file, reader.place());
                }
                close();
            }
            return state(start.pass() + 1, 0, Place.START);
        }

        private void open(Place place) throws IOException {
            if (openFile != file || reader == null) {
                close();
                number = place.rows();
                reader = RowReader.open(present(), source.format(), options.limits(), place);
                openFile = file;
            }
        }

        private DataFile present() {
            return source.files().get(files[file]);
        }

        private void take(Row row) {
            rows += first ? 1 : 0;
            if (row.fault() != null) {
                fault(row.fault());
                return;
            }
            try {
                Optional<Document> document = FieldMapping.document(source.format(), row.value());
                if (document.isEmpty()) {
                    empty += first ? 1 : 0;
                } else if (wanted(document.get())) {
                    block.add(new Entry(document.get(), present(), row.number()));
                    characters += document.get().size();
                }
            } catch (BadRow e) {
                fault(e.getMessage());
            }
        }

        private void fault(String reason) {
            if (first) {
                bad++;
                badRows.keep(present(), number, reason);
                judge(new SourceState.Counts(rows, bad, empty));
            }
        }

        private SourceState state(int pass, int at, Place place) {
            return new SourceState(pass, at, place, 0, new SourceState.Counts(rows, bad, empty), tally);
        }

        SlayerException damaged(Exception e) {
            return Refusal.of(
                    "data",
                    "'" + present().path() + "' cannot be read on after row " + number + ": " + reason(e)
                            + ". The file is damaged, cut off, or not what its name says",
                    e);
        }
    }

    private boolean wanted(Document document) {
        if (side == Side.ALL) {
            return true;
        }
        boolean heldBack =
                Draws.fraction(document.hash()) < options.validation().share();
        return heldBack == (side == Side.VALIDATION);
    }

    static String reason(Exception e) {
        String message = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        return message.lines().findFirst().orElse(message);
    }

    /** Where to go on: in the present block, or, when all of it was given, at what is known to come behind it. */
    SourceState state() {
        if (taken == block.size()) {
            return new SourceState(next.pass(), next.file(), next.place(), 0, next.counts(), tally);
        }
        return new SourceState(start.pass(), start.file(), start.place(), taken, start.counts(), tally);
    }

    double tokensPerWeight() {
        return tally.tokens() / source.spec().weight();
    }

    DataReport.SourceReport report() {
        SourceState.Counts counts = next.counts();
        return new DataReport.SourceReport(
                source.spec().name(),
                source.format(),
                source.files().size(),
                counts.rows(),
                counts.bad() + tally.refused(),
                counts.empty(),
                taken == block.size() ? next.pass() : start.pass(),
                tally.documents(),
                tally.tokens(),
                tally.truncated(),
                tally.dropped(),
                badRows.kept());
    }

    @Override
    public void close() throws IOException {
        if (reader != null) {
            reader.close();
            reader = null;
            openFile = -1;
        }
    }
}
