package dev.slayer.server.api;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Expansion;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.LayoutParameters;
import dev.slayer.surgery.layout.Namespace;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/**
 * The models that are served now, checkpoints and variants, and the deltas that layouts may take of. Thread-safe: the table is an immutable value that a change replaces
 * whole, so a request keeps the model that it resolved.
 */
public final class ModelDirectory {
    private final AtomicReference<Table> table;

    private ModelDirectory(Table table) {
        this.table = new AtomicReference<>(table);
    }

    /** The first one is the default. @throws SlayerException 400 if two share a name */
    public static ModelDirectory of(List<ServedModel> models) {
        SequencedMap<String, ServedModel> named = new LinkedHashMap<>();
        for (ServedModel model : models) {
            if (named.put(model.name(), model) != null) {
                throw SlayerException.badRequest(
                        "model", "Two models are called '" + model.name() + "'; name them apart with NAME=DIR.");
            }
        }
        return new ModelDirectory(new Table(named, Map.of(), Map.of()));
    }

    /** All models, the default first. */
    public List<ServedModel> models() {
        return List.copyOf(table.get().models.values());
    }

    /** Serves a model from now on, in place of one of the same name. */
    public void publish(ServedModel model) {
        change(old -> old.with(model));
    }

    /** Serves a model no longer; requests that have resolved it go on. Does nothing if there is none of that name. */
    public void withdraw(String name) {
        change(old -> old.without(Set.of(name)));
    }

    /**
     * Replaces all variants at once.
     *
     * @param unavailable why others that are kept cannot be served, by name
     */
    void publishVariants(List<ServedModel> variants, Map<String, String> unavailable) {
        change(old -> {
            Set<String> gone = old.models.values().stream()
                    .filter(model -> model.parent().isPresent())
                    .map(ServedModel::name)
                    .collect(Collectors.toSet());
            Table next = old.without(gone);
            SequencedMap<String, ServedModel> models = new LinkedHashMap<>(next.models);
            variants.forEach(variant -> models.put(variant.name(), variant));
            return new Table(models, unavailable, old.deltas);
        });
    }

    /** Lets layouts take of a delta from now on. */
    void lend(ServedDelta delta) {
        change(old -> {
            Map<String, ServedDelta> next = new TreeMap<>(old.deltas);
            next.put(delta.name(), delta);
            return new Table(old.models, old.unavailable, next);
        });
    }

    /** No layout can name a delta any more; requests that have resolved one go on. */
    void recall(String name) {
        change(old -> {
            Map<String, ServedDelta> next = new TreeMap<>(old.deltas);
            next.remove(name);
            return new Table(old.models, old.unavailable, next);
        });
    }

    /** The deltas that layouts can take of, by name. */
    Map<String, ServedDelta> deltas() {
        return table.get().deltas;
    }

    /** Whose layers a layout over a checkpoint may take. */
    Namespace namespace(String base) {
        return table.get().namespace(base);
    }

    private void change(UnaryOperator<Table> how) {
        table.updateAndGet(how);
    }

    /**
     * The model of a name.
     *
     * @param name empty is the default model
     * @throws SlayerException 404 listing the models there are
     */
    public ServedModel resolve(String name) {
        return table.get().model(name);
    }

    /** The default model's name. */
    String defaultName() {
        return resolve("").name();
    }

    /** The checkpoint of that name, if it is loaded. */
    Optional<ServedModel> checkpoint(String name) {
        return table.get().checkpoint(name);
    }

    /**
     * Reads a canonical layout over a checkpoint.
     *
     * @throws SlayerException 400 if it does not fit the checkpoint, or needs layers of one that is not loaded
     */
    Layout parse(ServedModel checkpoint, String layout) {
        return Layout.parse(layout, checkpoint.config(), table.get().namespace(checkpoint.checkpoint()));
    }

    /** A model with its edits, and what a strategy would train of it. */
    record Edited(ServedModel model, Expansion expansion) {}

    /**
     * The model that is asked for, with its edits made.
     *
     * @throws SlayerException 404 if there is no model of that name, 400 if the edits cannot be made
     */
    Edited edit(RequestedModel wanted) {
        return table.get().edit(wanted);
    }

    /**
     * The model that is asked for, for use: its checkpoint and those whose layers it takes stay loaded meanwhile.
     *
     * @throws SlayerException as {@link #edit} does
     */
    ModelUse use(RequestedModel wanted) {
        Table now = table.get();
        ServedModel model = now.edit(wanted).model();
        List<Residency> held = new ArrayList<>();
        for (Map.Entry<String, Residency> needed : now.needed(model).entrySet()) {
            if (!needed.getValue().enter()) {
                held.forEach(Residency::leave);
                throw ModelNames.notFound(
                        needed.getKey().isEmpty() ? model.name() : needed.getKey(),
                        table.get().models.keySet());
            }
            held.add(needed.getValue());
        }
        return new ModelUse(model, wanted.shown(model), held);
    }

    /**
     * What is served at one moment.
     *
     * @param models by name, the default first
     * @param unavailable variants that are kept but cannot be served, with the reason
     * @param deltas that layouts can take of, by name
     */
    private record Table(
            SequencedMap<String, ServedModel> models,
            Map<String, String> unavailable,
            Map<String, ServedDelta> deltas) {
        Table {
            models = Collections.unmodifiableSequencedMap(models);
            unavailable = Map.copyOf(unavailable);
            deltas = Collections.unmodifiableMap(new TreeMap<>(deltas));
        }

        Table with(ServedModel model) {
            SequencedMap<String, ServedModel> next = new LinkedHashMap<>(models);
            next.put(model.name(), model);
            return new Table(next, unavailable, deltas);
        }

        Table without(Set<String> names) {
            SequencedMap<String, ServedModel> next = new LinkedHashMap<>(models);
            next.keySet().removeAll(names);
            return new Table(next, unavailable, deltas);
        }

        ServedModel model(String name) {
            ServedModel model =
                    name.isEmpty() ? models.values().stream().findFirst().orElse(null) : models.get(name);
            if (model == null) {
                if (unavailable.containsKey(name)) {
                    throw new SlayerException(
                            404,
                            "model_not_found",
                            "model",
                            "The variant '" + name + "' cannot be served now: " + unavailable.get(name),
                            null);
                }
                throw ModelNames.notFound(name, models.keySet());
            }
            return model;
        }

        Optional<ServedModel> checkpoint(String name) {
            return Optional.ofNullable(models.get(name))
                    .filter(model -> model.parent().isEmpty());
        }

        Namespace namespace(String base) {
            return new Namespace() {
                @Override
                public Optional<ModelConfig> config(String name) {
                    return checkpoint(name)
                            .map(ServedModel::config)
                            .or(() -> delta(name).map(ServedDelta::config));
                }

                @Override
                public Optional<String> baseName() {
                    return Optional.of(base);
                }
            };
        }

        Edited edit(RequestedModel wanted) {
            ServedModel model = model(wanted.name());
            Expansion expansion = Expansion.of(model.layout());
            if (wanted.hasEdits()) {
                expansion = expand(LayoutParameters.parse(wanted.edits()), model, expansion.layout());
            }
            if (!wanted.query().isEmpty()) {
                expansion = expand(LayoutParameters.of(wanted.query()), model, expansion.layout());
            }
            return new Edited(model.with(expansion.layout()), expansion);
        }

        private Expansion expand(LayoutParameters parameters, ServedModel model, Layout start) {
            return parameters.expand(model.config(), start, namespace(model.checkpoint()));
        }

        Optional<ServedDelta> delta(String name) {
            return Optional.ofNullable(deltas.get(name));
        }

        /** The checkpoints and deltas that a model's layers come from, by name; its own first. */
        SequencedMap<String, Residency> needed(ServedModel model) {
            SequencedMap<String, Residency> needed = new LinkedHashMap<>();
            needed.put("", model.residency());
            for (String donor : model.layout().checkpoints()) {
                needed.put(
                        donor,
                        checkpoint(donor)
                                .map(ServedModel::residency)
                                .or(() -> delta(donor).map(ServedDelta::residency))
                                .orElseThrow(() -> ModelNames.notFound(donor, models.keySet())));
            }
            return needed;
        }
    }
}
