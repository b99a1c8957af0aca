package dev.slayer.training.data;

import java.util.List;

/** Rows without padding: what does not fit goes on in the next row. */
final class SplitPacker implements Packer {
    private final Mixer mixer;
    private final int length;
    private final int padding;
    private Example carried;
    private int at;
    private List<SourceState> before; // where the mixer was when it drew the carried example

    SplitPacker(Mixer mixer, int length, int padding, int offset) {
        this.mixer = mixer;
        this.length = length;
        this.padding = padding;
        if (offset > 0) {
            if (!draw() || offset >= carried.length()) {
                throw DataPosition.damaged();
            }
            at = offset;
        }
    }

    private boolean draw() {
        before = mixer.state();
        carried = mixer.next();
        at = 0;
        return carried != null;
    }

    @Override
    public PackedRow next() {
        PackedRow row = new PackedRow(length, padding);
        while (row.room() > 0 && (carried != null || draw())) {
            at += row.add(carried, at);
            if (at == carried.length()) {
                carried = null;
            }
        }
        return row.used() > 0 ? row : null;
    }

    @Override
    public PackState state() {
        return carried == null ? new PackState(mixer.state(), 0, 0) : new PackState(before, at, 0);
    }
}
