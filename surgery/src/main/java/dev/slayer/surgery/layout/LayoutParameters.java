package dev.slayer.surgery.layout;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Parameters that name a layout: a whole one ({@code layers}, {@code preset} or {@code pattern}), edits of one ({@code insert},
 * {@code remove}, {@code skip}, {@code scale}), or both. Edits speak of layers of the base checkpoint by number and are made in
 * this order, whatever the order in which they are given: insert, remove, skip, scale.
 *
 * @param values by name, in the order of {@link #names}
 */
public record LayoutParameters(Map<String, String> values) {
    private static final String PRESET = "preset";
    private static final String PATTERN = "pattern";
    private static final String LAYERS = "layers";

    private static final Set<String> NAMES = Collections.unmodifiableSet(new LinkedHashSet<>(List.of(
            LAYERS,
            PRESET,
            PATTERN,
            "groups",
            "group_size",
            "delete",
            "init",
            "final",
            "insert",
            "remove",
            "skip",
            "scale")));

    /** Nothing named: the model as it is. */
    public static final LayoutParameters NONE = new LayoutParameters(Map.of());

    /** @throws SlayerException 400 if a name is unknown or a value is empty or too long */
    public LayoutParameters {
        values.forEach((name, value) -> {
            if (!NAMES.contains(name)) {
                throw SlayerException.badRequest(
                        Excerpt.of(name),
                        "parameter '" + Excerpt.of(name) + "' is unknown; a layout is named by "
                                + String.join(", ", NAMES));
            }
            if (new Cursor(name, value).atEnd()) {
                throw SlayerException.badRequest(name, name + "= is empty; leave it out or give it a value");
            }
        });
        Map<String, String> ordered = new LinkedHashMap<>();
        for (String name : NAMES) {
            if (values.containsKey(name)) {
                ordered.put(name, values.get(name));
            }
        }
        values = Collections.unmodifiableMap(ordered);
    }

    /** Every parameter that there is. */
    public static Set<String> names() {
        return NAMES;
    }

    /**
     * Parameters of a query string, decoded.
     *
     * @param values by name; every name must be one of {@link #names}
     * @throws SlayerException 400
     */
    public static LayoutParameters of(Map<String, String> values) {
        return new LayoutParameters(values);
    }

    /**
     * What stands behind the {@code @} in a model's name: {@code remove=30,31;skip=attn:5}. A part without {@code =} is the
     * value of {@code layers}.
     *
     * @throws SlayerException 400 if a name is unknown or given twice, or a value is empty
     */
    public static LayoutParameters parse(String text) {
        if (text.length() > Layout.MAX_TEXT) {
            throw SlayerException.badRequest(
                    LAYERS,
                    "the layout behind @ has " + text.length() + " characters, but may have at most "
                            + Layout.MAX_TEXT);
        }
        Map<String, String> values = new LinkedHashMap<>();
        for (String part : text.split(";", -1)) {
            int equals = part.indexOf('=');
            String name = equals < 0 ? LAYERS : part.substring(0, equals).strip();
            if (part.isBlank()) {
                throw SlayerException.badRequest(
                        LAYERS, "'" + Excerpt.of(text) + "' has an empty part; write remove=30,31;skip=attn:5 or 0-29");
            }
            if (values.put(name, part.substring(equals + 1)) != null) {
                throw SlayerException.badRequest(
                        Excerpt.of(name), "parameter '" + Excerpt.of(name) + "' is given twice; give it once");
            }
        }
        return new LayoutParameters(values);
    }

    /** Whether nothing is named. */
    public boolean isEmpty() {
        return values.isEmpty();
    }

    /** As {@link #parse} reads it; empty if nothing is named. */
    public String text() {
        return values.entrySet().stream()
                .map(entry -> entry.getKey() + "=" + entry.getValue())
                .collect(Collectors.joining(";"));
    }

    /**
     * The layout that is named.
     *
     * @param config shape of the base checkpoint
     * @param start what is edited: the layout of the model that was named, all layers for a checkpoint
     * @param others the checkpoints whose layers may be taken
     * @throws SlayerException 400 naming the parameter, the place in its value, what is wrong and what is allowed
     */
    public Expansion expand(ModelConfig config, Layout start, Namespace others) {
        Stack stack = new Stack(whole(config, start, others), config.layers());
        value("insert").ifPresent(stack::insert);
        value("remove").ifPresent(stack::remove);
        value("skip").ifPresent(stack::skip);
        value("scale").ifPresent(stack::scale);
        return requireShort(stack.expansion());
    }

    private static Expansion requireShort(Expansion expansion) {
        int length = expansion.layout().text().length();
        if (length > Layout.MAX_TEXT) {
            throw SlayerException.badRequest(
                    LAYERS,
                    "the canonical text of the layout has " + length + " characters, but may have at most "
                            + Layout.MAX_TEXT);
        }
        return expansion;
    }

    private Expansion whole(ModelConfig config, Layout start, Namespace others) {
        requireOneWhole();
        Optional<Preset> preset = value(PRESET).map(text -> Preset.parse(text.strip()));
        Optional<BlockPattern> pattern = value(PATTERN).map(BlockPattern::parse);
        requireKnown(preset, pattern.isPresent());
        if ((preset.isPresent() || pattern.isPresent()) && !start.equals(Layout.identity(config.layers()))) {
            String name = preset.isPresent() ? PRESET : PATTERN;
            throw SlayerException.badRequest(
                    name,
                    name + "= starts from a whole checkpoint, but this model is edited already ("
                            + Excerpt.of(start.text()) + "); name its checkpoint instead");
        }
        Preset.Options options = new Preset.Options(values);
        if (preset.isPresent()) {
            return preset.get().expand(options, config.layers());
        }
        if (pattern.isPresent()) {
            return expand(pattern.get(), options, config.layers());
        }
        return Expansion.of(
                value(LAYERS).map(text -> Layout.parse(text, config, others)).orElse(start));
    }

    private static Expansion expand(BlockPattern pattern, Preset.Options options, int layers) {
        if (options.value("final").isPresent() && !pattern.endsInFinalBlock(layers)) {
            throw SlayerException.badRequest(
                    "final",
                    "final: the pattern has no final block; it has one where its last segment is |1 after fewer than "
                            + layers + " layers");
        }
        return pattern.expand(
                layers,
                options.init().orElse(pattern.publishedInit(layers)),
                options.value("final").map(FinalBlock::parse).orElse(FinalBlock.AVG_DISCARDED));
    }

    private void requireOneWhole() {
        List<String> given = List.of(LAYERS, PRESET, PATTERN).stream()
                .filter(values::containsKey)
                .toList();
        if (given.size() > 1) {
            throw SlayerException.badRequest(
                    given.getLast(), String.join("= and ", given) + "= each name a whole layout; give one of them");
        }
    }

    private void requireKnown(Optional<Preset> preset, boolean pattern) {
        for (String name : List.of("groups", "group_size", "delete", "init", "final")) {
            if (!values.containsKey(name)) {
                continue;
            }
            if (preset.isPresent() && !preset.get().parameters().contains(name)) {
                throw SlayerException.badRequest(
                        name,
                        name + "= does not belong to preset=" + preset.get().text() + ", which takes "
                                + NAMES.stream()
                                        .filter(preset.get().parameters()::contains)
                                        .collect(Collectors.joining(", ")));
            }
            if (preset.isEmpty() && !(pattern && (name.equals("init") || name.equals("final")))) {
                throw SlayerException.badRequest(
                        name,
                        name + "= belongs to a preset" + (pattern ? ", not to a pattern" : "")
                                + "; name one by preset=");
            }
        }
    }

    private Optional<String> value(String name) {
        return Optional.ofNullable(values.get(name));
    }
}
