package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.ParameterCounts;
import dev.slayer.surgery.layout.LayerRef;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Slot;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

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

    /** Slot by slot, and what it amounts to; only what can be known without the checkpoint if that is not loaded. */
    static void writeStack(JsonGenerator json, Variant variant) throws IOException {
        List<Integer> trainable = variant.stored().trainable();
        json.writeObjectFieldStart("trainable");
        json.writeFieldName("slots");
        json.writeArray(trainable.stream().mapToInt(Integer::intValue).toArray(), 0, trainable.size());
        json.writeBooleanField("head", variant.stored().trainsHead());
        json.writeEndObject();
        Optional<ServedModel> model = variant.model();
        if (model.isEmpty()) {
            return;
        }
        Layout layout = model.get().layout();
        json.writeArrayFieldStart("slots");
        for (int i = 0; i < layout.depth(); i++) {
            writeSlot(json, i, layout.slots().get(i), trainable.contains(i));
        }
        json.writeEndArray();
        writeParameters(json, model.get().config(), variant);
    }

    private static void writeSlot(JsonGenerator json, int number, Slot slot, boolean trainable) throws IOException {
        json.writeStartObject();
        json.writeNumberField("slot", number);
        json.writeStringField("text", slot.text());
        json.writeStringField("recipe", slot.recipe().text());
        json.writeArrayFieldStart("layers");
        for (LayerRef layer : slot.recipe().layers()) {
            json.writeString(layer.text());
        }
        json.writeEndArray();
        json.writeBooleanField("trainable", trainable);
        json.writeEndObject();
    }

    private static void writeParameters(JsonGenerator json, ModelConfig config, Variant variant) throws IOException {
        ParameterCounts counts = config.parameters();
        int depth = variant.model().orElseThrow().layout().depth();
        long head = config.tiedEmbeddings() ? counts.embedding() : counts.head();
        json.writeObjectFieldStart("parameters");
        json.writeNumberField("total", counts.total() - counts.layers() + depth * counts.layer());
        json.writeNumberField(
                "trainable",
                variant.stored().trainable().size() * counts.layer()
                        + (variant.stored().trainsHead() ? head : 0));
        json.writeEndObject();
    }
}
