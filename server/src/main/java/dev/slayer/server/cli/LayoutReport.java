package dev.slayer.server.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.slayer.server.cli.bench.TextTable;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.layout.LayoutTable;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Writes a layout's table for people and for programs. */
final class LayoutReport {
    private static final ObjectMapper MAPPER = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .enable(SerializationFeature.INDENT_OUTPUT)
            .build();

    private LayoutReport() {}

    /** Slots line by line, then the totals. */
    static String text(String model, LayoutTable table) {
        TextTable slots = new TextTable().row("slot", "text", "recipe", "of layers", "parameters", "trained");
        for (LayoutTable.Row row : table.rows()) {
            slots.row(
                    Integer.toString(row.slot()),
                    row.text(),
                    row.recipe() + (row.silent() ? ", silent" : ""),
                    String.join(" ", row.layers()),
                    grouped(row.parameters()),
                    row.trainable() ? "yes" : "");
        }
        TextTable totals = new TextTable()
                .row("layers", grouped(table.rows().size()))
                .row("parameters", count(table.parameters()))
                .row("trainable parameters", count(table.trainableParameters()))
                .row("derived blocks", derived(table));
        return model + "@" + table.layout() + "\n\n" + slots.text() + "\n" + totals.text() + head(table);
    }

    private static String derived(LayoutTable table) {
        return table.derivedBlocks().size() + ", "
                + String.format(
                        Locale.ROOT, "%.1f MiB as float32", table.derivedBytes(Float.BYTES) / (double) (1 << 20));
    }

    private static String head(LayoutTable table) {
        if (!table.trainsHead()) {
            return "";
        }
        return table.tiedHead()
                ? "\nThe head is trained too; it is the embedding matrix.\n"
                : "\nThe head is trained too.\n";
    }

    private static String count(long number) {
        if (number < 1_000_000) {
            return grouped(number);
        }
        boolean billions = number >= 1_000_000_000;
        return grouped(number)
                + String.format(Locale.ROOT, " (%.2f %s)", number / (billions ? 1e9 : 1e6), billions ? "B" : "M");
    }

    private static String grouped(long number) {
        return String.format(Locale.ROOT, "%,d", number);
    }

    /** The table's fields in snake case, and the model's name. */
    static String json(String model, LayoutTable table) {
        Map<String, Object> fields = new TreeMap<>();
        fields.put("model", model);
        fields.put("table", table);
        try {
            return MAPPER.writeValueAsString(fields) + "\n";
        } catch (JsonProcessingException e) {
            throw SlayerException.internal("The table cannot be written as JSON: " + e.getOriginalMessage(), e);
        }
    }
}
