package dev.slayer.training.data;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Optional;

/** Reads the first rows of a source until one is good, so that what cannot be used is refused before a run begins. */
final class FormatProbe {
    private FormatProbe() {}

    static Source source(DataSource spec, DataOptions.Limits limits) {
        List<DataFile> files = DataFiles.of(spec);
        BadRows badRows = new BadRows(spec.name(), limits);
        long rows = 0;
        for (DataFile file : files) {
            try (RowReader reader = RowReader.open(file, spec.format(), limits, Place.START)) {
                for (Row row = reader.next(); row != null && rows < limits.judgedAfter(); row = reader.next()) {
                    Optional<RowFormat> format = format(spec, file, row, badRows);
                    if (format.isPresent()) {
                        return new Source(spec, files, format.get());
                    }
                    rows++;
                }
            } catch (IOException | UncheckedIOException e) {
                throw Refusal.of("data", "'" + file.path() + "' cannot be read: " + SourceReader.reason(e), e);
            }
        }
        String where = rows < limits.judgedAfter() ? "" : " among its first " + rows + " rows";
        throw badRows.refusal("source '" + spec.name() + "' has no row that can be used" + where);
    }

    /** The format, if the row is good and not without text. */
    private static Optional<RowFormat> format(DataSource spec, DataFile file, Row row, BadRows badRows) {
        if (row.fault() != null) {
            badRows.keep(file, row.number(), row.fault());
            return Optional.empty();
        }
        Optional<RowFormat> format =
                spec.format() == null ? FieldMapping.detect(row.value()) : Optional.of(spec.format());
        if (format.isEmpty()) {
            badRows.keep(file, row.number(), "has the fields " + fields(row) + ", which are no known format's");
            return Optional.empty();
        }
        try {
            return FieldMapping.document(format.get(), row.value()).map(document -> format.get());
        } catch (BadRow e) {
            badRows.keep(file, row.number(), e.getMessage());
            return Optional.empty();
        }
    }

    private static String fields(Row row) {
        StringBuilder names = new StringBuilder();
        row.value().fieldNames().forEachRemaining(name -> {
            if (names.length() < 100) {
                names.append(names.isEmpty() ? "" : ", ").append(name, 0, Math.min(40, name.length()));
            }
        });
        return names.isEmpty() ? "(none)" : names.toString();
    }
}
