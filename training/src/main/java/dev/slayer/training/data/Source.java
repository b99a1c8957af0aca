package dev.slayer.training.data;

import java.util.List;

/** A source whose files were found and whose format is known. */
record Source(DataSource spec, List<DataFile> files, RowFormat format) {}
