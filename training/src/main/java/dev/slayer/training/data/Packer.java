package dev.slayer.training.data;

/** Makes rows of fixed length from examples. */
interface Packer {
    /** The next row, or null at the end. */
    PackedRow next();

    /** Where the next row begins; with a mixer at its sources, a packer made from it goes on alike. */
    PackState state();

    static Packer of(Mixer mixer, DataOptions.Packing packing, int padding, int offset, int rows) {
        return switch (packing.mode()) {
            case SPLIT -> new SplitPacker(mixer, packing.length(), padding, offset);
            case WHOLE -> new WholePacker(mixer, packing.length(), padding, rows);
        };
    }
}
