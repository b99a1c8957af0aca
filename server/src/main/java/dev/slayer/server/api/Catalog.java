package dev.slayer.server.api;

import dev.slayer.server.store.StoredVariant;
import dev.slayer.server.store.VariantStore;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.layout.Layout;
import java.time.Instant;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import java.util.regex.Pattern;

/**
 * Which names there are: keeps variants in their store and shows what can be served of them in the directory, as checkpoints come
 * and go. Changes are made one at a time and wait for the disk; reads are of the last state, on any thread.
 */
final class Catalog {
    static final int MOST_VARIANTS = 10_000;

    private final ModelDirectory directory;
    private final VariantStore store;
    /** Variants that are there because a delta is, and are not in the store. Guarded by this. */
    private final Set<String> ofDeltas = new HashSet<>();

    private volatile SequencedMap<String, Variant> variants =
            Collections.unmodifiableSequencedMap(new LinkedHashMap<>());

    /** Reads the store and publishes what can be served. */
    Catalog(ModelDirectory directory, VariantStore store) {
        this.directory = directory;
        this.store = store;
        SequencedMap<String, Variant> kept = new LinkedHashMap<>();
        store.all().forEach(stored -> kept.put(stored.name(), assess(stored, new LongAdder())));
        show(kept);
    }

    /** All variants, the oldest first. */
    Collection<Variant> variants() {
        return variants.values();
    }

    /** @throws SlayerException 404 listing the variants there are */
    Variant variant(String name) {
        Variant variant = variants.get(name);
        if (variant == null) {
            throw new SlayerException(
                    404,
                    "variant_not_found",
                    "name",
                    "There is no variant '" + Excerpt.of(name) + "'; there are "
                            + (variants.isEmpty() ? "none" : ModelNames.list(variants.keySet()))
                            + ". POST /v1/variants makes one.",
                    null);
        }
        return variant;
    }

    /**
     * Makes a variant and keeps it.
     *
     * @param base what is edited
     * @throws SlayerException 400 if the name or the edits cannot be, 404 if there is no such base, 409 if the name is taken
     */
    synchronized Variant create(String name, RequestedModel base) {
        requireFree(ModelNames.checked(name));
        if (variants.size() >= MOST_VARIANTS) {
            throw new SlayerException(
                    409,
                    "too_many_variants",
                    null,
                    "There are " + MOST_VARIANTS + " variants, which is the most; delete some first.",
                    null);
        }
        ModelDirectory.Edited edited = directory.edit(base);
        ServedModel model = edited.model();
        StoredVariant stored = new StoredVariant(
                name,
                base.text().isEmpty() ? model.name() : base.text(),
                model.checkpoint(),
                model.layout().text(),
                List.copyOf(edited.expansion().trainable()),
                edited.expansion().trainsHead(),
                Instant.now());
        store.add(stored);
        LongAdder requests = new LongAdder();
        ServedModel served = model.variant(name, stored.created(), model.layout(), requests);
        Variant variant = new Variant(stored, Optional.of(served), "", requests);
        SequencedMap<String, Variant> next = new LinkedHashMap<>(variants);
        next.put(name, variant);
        show(next);
        return variant;
    }

    /** Forgets a variant; requests that have resolved it go on. @throws SlayerException 404 if there is none of that name */
    synchronized void delete(String name) {
        variant(name);
        store.remove(name);
        ofDeltas.remove(name);
        SequencedMap<String, Variant> next = new LinkedHashMap<>(variants);
        next.remove(name);
        show(next);
    }

    /** @throws SlayerException 409 if a checkpoint or a variant has the name */
    void requireFree(String name) {
        if (variants.containsKey(name)) {
            throw VariantStore.taken(name);
        }
        requireNoCheckpoint(name);
    }

    private void requireNoCheckpoint(String name) {
        if (directory.checkpoint(name).isPresent()) {
            throw new SlayerException(
                    409, "name_taken", "name", "A checkpoint is called '" + name + "'; choose another name.", null);
        }
    }

    /** Serves a checkpoint, and the variants that waited for it. @throws SlayerException 409 if its name is taken */
    synchronized void add(ServedModel checkpoint) {
        requireFree(checkpoint.name());
        if (directory.deltas().containsKey(checkpoint.name())) {
            throw new SlayerException(
                    409,
                    "name_taken",
                    "name",
                    "A delta is called '" + checkpoint.name() + "'; choose another name.",
                    null);
        }
        directory.publish(checkpoint);
        reassess();
    }

    /**
     * Serves a checkpoint no longer; its variants wait for its return.
     *
     * @throws SlayerException 404 if there is none of that name; 409 if it is the default model, or a variant of another
     *     checkpoint takes layers of it
     */
    synchronized ServedModel remove(String name) {
        ServedModel checkpoint = directory.checkpoint(name).orElseThrow(() -> notLoaded(name));
        if (directory.defaultName().equals(name)) {
            throw new SlayerException(
                    409,
                    "checkpoint_in_use",
                    "name",
                    "'" + name + "' is the default model, which answers requests that name none; it stays loaded.",
                    null);
        }
        List<String> takers = variants.values().stream()
                .filter(variant -> !variant.stored().checkpoint().equals(name))
                .filter(variant -> takesOf(variant, name))
                .map(Variant::name)
                .toList();
        if (!takers.isEmpty()) {
            throw new SlayerException(
                    409,
                    "checkpoint_in_use",
                    "name",
                    "Variants of other checkpoints take layers of '" + name + "': " + ModelNames.list(takers)
                            + "; delete them first.",
                    null);
        }
        requireNoDelta(
                name,
                directory.deltas().values().stream()
                        .filter(delta -> delta.base().equals(name)
                                || delta.trained().checkpoints().contains(name))
                        .toList());
        directory.withdraw(name);
        reassess();
        return checkpoint;
    }

    /** Whether a layout's text has a name, even where nobody of that name is there to read it. */
    private static boolean names(String layout, String name) {
        return Pattern.compile("(?<![A-Za-z0-9._/-])" + Pattern.quote(name) + "[:)]")
                .matcher(layout)
                .find();
    }

    private static boolean takesOf(Variant variant, String name) {
        return variant.model().stream()
                .anyMatch(model -> model.layout().checkpoints().contains(name));
    }

    private static void requireNoDelta(String name, List<ServedDelta> takers) {
        if (!takers.isEmpty()) {
            throw new SlayerException(
                    409,
                    "checkpoint_in_use",
                    "name",
                    "Deltas are made over '" + name + "': "
                            + ModelNames.list(
                                    takers.stream().map(ServedDelta::name).toList())
                            + "; unload them first.",
                    null);
        }
    }

    /**
     * Lets layouts take of a delta, and serves it by its name; where a variant of that name takes of it, that one stays instead.
     *
     * @param own what serves the delta
     * @throws SlayerException 409 if a checkpoint, another delta or a variant of something else has the name
     */
    synchronized void lend(ServedDelta delta, StoredVariant own) {
        String name = delta.name();
        requireNoCheckpoint(name);
        if (directory.deltas().containsKey(name)) {
            throw new SlayerException(
                    409, "name_taken", "name", "A delta '" + name + "' is loaded; unload it first.", null);
        }
        Variant namesake = variants.get(name);
        if (namesake != null && !names(namesake.stored().layout(), name)) {
            throw VariantStore.taken(name);
        }
        directory.lend(delta);
        SequencedMap<String, Variant> next = new LinkedHashMap<>(variants);
        if (namesake == null) {
            next.put(name, new Variant(own, Optional.empty(), "", new LongAdder()));
            ofDeltas.add(name);
        }
        variants = next;
        reassess();
    }

    /**
     * No layout can take of a delta any more; the variant that served it goes.
     *
     * @throws SlayerException 404 if there is none of that name; 409 if other variants or deltas take of it
     */
    synchronized void recall(String name) {
        if (!directory.deltas().containsKey(name)) {
            throw new SlayerException(
                    404,
                    "delta_not_found",
                    "name",
                    "There is no delta '" + Excerpt.of(name) + "'; loaded: "
                            + ModelNames.list(directory.deltas().keySet()) + ".",
                    null);
        }
        List<String> takers = variants.values().stream()
                .filter(variant -> !(variant.name().equals(name) && ofDeltas.contains(name)))
                .filter(variant -> takesOf(variant, name))
                .map(Variant::name)
                .toList();
        if (!takers.isEmpty()) {
            throw new SlayerException(
                    409,
                    "delta_in_use",
                    "name",
                    "Variants take of the delta '" + name + "': " + ModelNames.list(takers) + "; delete them first.",
                    null);
        }
        requireNoDelta(
                name,
                directory.deltas().values().stream()
                        .filter(delta -> delta.trained().checkpoints().contains(name))
                        .toList());
        SequencedMap<String, Variant> next = new LinkedHashMap<>(variants);
        if (ofDeltas.remove(name)) {
            next.remove(name);
        }
        directory.recall(name);
        variants = next;
        reassess();
    }

    private SlayerException notLoaded(String name) {
        List<String> loaded = directory.models().stream()
                .filter(model -> model.parent().isEmpty())
                .map(ServedModel::name)
                .toList();
        return new SlayerException(
                404,
                "checkpoint_not_found",
                "name",
                "There is no checkpoint '" + Excerpt.of(name) + "'; loaded: " + ModelNames.list(loaded) + ".",
                null);
    }

    private void reassess() {
        SequencedMap<String, Variant> next = new LinkedHashMap<>();
        variants.values().forEach(old -> next.put(old.name(), assess(old.stored(), old.requests())));
        show(next);
    }

    private Variant assess(StoredVariant stored, LongAdder requests) {
        Optional<ServedModel> checkpoint = directory.checkpoint(stored.checkpoint());
        if (checkpoint.isEmpty()) {
            return unavailable(
                    stored,
                    "its checkpoint '" + stored.checkpoint() + "' is not loaded; start the server with --model "
                            + stored.checkpoint() + "=DIR, or load it by POST /v1/checkpoints/load.",
                    requests);
        }
        if (directory.checkpoint(stored.name()).isPresent()) {
            return unavailable(stored, "a checkpoint has the same name.", requests);
        }
        try {
            Layout layout = directory.parse(checkpoint.get(), stored.layout());
            ServedModel model = checkpoint.get().variant(stored.name(), stored.created(), layout, requests);
            return new Variant(stored, Optional.of(model), "", requests);
        } catch (
                SlayerException e) { // another checkpoint by the same name, or one that it takes layers of is not there
            return unavailable(stored, e.getMessage(), requests);
        }
    }

    private static Variant unavailable(StoredVariant stored, String obstacle, LongAdder requests) {
        return new Variant(stored, Optional.empty(), obstacle, requests);
    }

    private void show(SequencedMap<String, Variant> next) {
        Map<String, String> unavailable = new LinkedHashMap<>();
        next.values().stream()
                .filter(variant -> variant.model().isEmpty())
                .forEach(variant -> unavailable.put(variant.name(), variant.obstacle()));
        directory.publishVariants(
                next.values().stream()
                        .map(Variant::model)
                        .flatMap(Optional::stream)
                        .toList(),
                unavailable);
        variants = Collections.unmodifiableSequencedMap(next);
    }
}
