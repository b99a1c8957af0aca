package dev.slayer.server.api;

import dev.slayer.surgery.SlayerException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.concurrent.atomic.AtomicReference;

/**
 * The models that are served now. Thread-safe: the table is an immutable value that a change replaces whole, so a request
 * keeps the model that it resolved.
 */
public final class ModelDirectory {
    private final AtomicReference<Map<String, ServedModel>> models;

    private ModelDirectory(Map<String, ServedModel> models) {
        this.models = new AtomicReference<>(models);
    }

    /** The first one is the default. @throws SlayerException 400 if two share a name */
    public static ModelDirectory of(List<ServedModel> models) {
        SequencedMap<String, ServedModel> table = new LinkedHashMap<>();
        for (ServedModel model : models) {
            if (table.put(model.name(), model) != null) {
                throw SlayerException.badRequest(
                        "model", "Two models are called '" + model.name() + "'; name them apart with NAME=DIR.");
            }
        }
        return new ModelDirectory(table);
    }

    /** All models, the default first. */
    public List<ServedModel> models() {
        return List.copyOf(models.get().values());
    }

    /** Serves a model from now on, in place of one of the same name. */
    public void publish(ServedModel model) {
        models.updateAndGet(old -> {
            Map<String, ServedModel> table = new LinkedHashMap<>(old);
            table.put(model.name(), model);
            return table;
        });
    }

    /** Serves a model no longer; requests that have resolved it go on. Does nothing if there is none of that name. */
    public void withdraw(String name) {
        models.updateAndGet(old -> {
            Map<String, ServedModel> table = new LinkedHashMap<>(old);
            table.remove(name);
            return table;
        });
    }

    /**
     * The model that a request names.
     *
     * @param name its name; empty is the default model
     * @throws SlayerException 404 listing the models there are
     */
    public ServedModel resolve(String name) {
        Map<String, ServedModel> table = models.get();
        ServedModel model = name.isEmpty() ? table.values().stream().findFirst().orElse(null) : table.get(name);
        if (model == null) {
            throw new SlayerException(
                    404,
                    "model_not_found",
                    "model",
                    "The model '" + Excerpt.of(name) + "' does not exist; served here: "
                            + String.join(", ", table.keySet()) + ".",
                    null);
        }
        return model;
    }
}
