package dev.slayer.training.data;

import java.util.ArrayList;
import java.util.List;

/**
 * Rows of whole examples. Examples are drawn in groups of some hundred thousand tokens; each goes, in the order drawn, into the fullest row of
 * the group in which there is room. What stays free when the group is packed is padding.
 */
final class WholePacker implements Packer {
    private static final int MOST_ROWS = 128;
    private static final int MOST_TOKENS = 1 << 22;

    private final Mixer mixer;
    private final int length;
    private final int padding;
    private final long groupTokens;
    private List<PackedRow> group = List.of();
    private int given;
    private List<SourceState> before; // where the mixer was when it began the group

    WholePacker(Mixer mixer, int length, int padding, int rows) {
        this.mixer = mixer;
        this.length = length;
        this.padding = padding;
        this.groupTokens = (long) length * Math.clamp(MOST_TOKENS / length, 4, MOST_ROWS);
        if (rows > 0) {
            pack();
            if (rows > group.size()) {
                throw DataPosition.damaged();
            }
            given = rows;
        }
    }

    private void pack() {
        before = mixer.state();
        group = new ArrayList<>();
        given = 0;
        Example example;
        for (long tokens = 0; tokens < groupTokens && (example = mixer.next()) != null; tokens += example.length()) {
            tightest(example.length()).add(example, 0);
        }
    }

    private PackedRow tightest(int tokens) {
        PackedRow best = null;
        for (PackedRow row : group) {
            if (row.room() >= tokens && (best == null || row.room() < best.room())) {
                best = row;
            }
        }
        if (best == null) {
            best = new PackedRow(length, padding);
            group.add(best);
        }
        return best;
    }

    @Override
    public PackedRow next() {
        if (given == group.size()) {
            pack();
        }
        return given < group.size() ? group.get(given++) : null;
    }

    @Override
    public PackState state() {
        return given == group.size() ? new PackState(mixer.state(), 0, 0) : new PackState(before, 0, given);
    }
}
