package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.slayer.server.engine.Engine;
import dev.slayer.server.engine.StackCost;
import dev.slayer.surgery.layout.Expansion;
import dev.slayer.surgery.layout.LayoutTable;
import java.io.IOException;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** How the API shows a variant. */
final class VariantView {
    private VariantView() {}

    /** What a list tells of it. */
    static void writeHead(JsonGenerator json, Variant variant) throws IOException {
        json.writeStringField("name", variant.name());
        json.writeStringField("object", "variant");
        json.writeNumberField("created", variant.stored().created().getEpochSecond());
        json.writeStringField("base", variant.stored().base());
        json.writeStringField("checkpoint", variant.stored().checkpoint());
        json.writeStringField("layout", variant.stored().layout());
        json.writeBooleanField("available", variant.model().isPresent());
        if (variant.model().isEmpty()) {
            json.writeStringField("obstacle", variant.obstacle());
        }
        json.writeNumberField("requests", variant.requests().sum());
    }

    /**
     * Slot by slot, and what it amounts to; for a worker thread.
     *
     * @param deltas names of those that there are
     * @return nothing beyond what is kept if the variant cannot be served now
     */
    static Optional<Stack> stack(Variant variant, Engine engine, Set<String> deltas) {
        return variant.model().map(model -> {
            Expansion expansion = new Expansion(
                    model.layout(),
                    new TreeSet<>(variant.stored().trainable()),
                    variant.stored().trainsHead());
            return new Stack(
                    LayoutTable.of(expansion, model.config(), deltas), engine.cost(model.checkpoint(), model.layout()));
        });
    }

    /** A layout's table and what it takes in this server. */
    record Stack(LayoutTable table, StackCost cost) {
        void write(JsonGenerator json) throws IOException {
            json.writeArrayFieldStart("slots");
            for (LayoutTable.Row row : table.rows()) {
                writeSlot(json, row);
            }
            json.writeEndArray();
            json.writeObjectFieldStart("parameters");
            json.writeNumberField("total", table.parameters());
            json.writeNumberField("trainable", table.trainableParameters());
            json.writeBooleanField("head_trainable", table.trainsHead());
            json.writeEndObject();
            json.writeObjectFieldStart("memory");
            json.writeArrayFieldStart("derived_blocks");
            for (String recipe : table.derivedBlocks()) {
                json.writeString(recipe);
            }
            json.writeEndArray();
            json.writeNumberField("derived_bytes", cost.derivedBytes());
            json.writeNumberField("resident_bytes", cost.residentBytes());
            json.writeNumberField("kv_bytes_per_token", cost.kvBytesPerToken());
            json.writeEndObject();
        }

        private static void writeSlot(JsonGenerator json, LayoutTable.Row row) throws IOException {
            json.writeStartObject();
            json.writeNumberField("slot", row.slot());
            json.writeStringField("text", row.text());
            json.writeStringField("recipe", row.recipe());
            json.writeArrayFieldStart("layers");
            for (String layer : row.layers()) {
                json.writeString(layer);
            }
            json.writeEndArray();
            json.writeNumberField("parameters", row.parameters());
            json.writeBooleanField("trainable", row.trainable());
            json.writeBooleanField("silent", row.silent());
            json.writeEndObject();
        }
    }
}
