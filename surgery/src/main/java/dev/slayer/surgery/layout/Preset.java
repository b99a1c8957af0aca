package dev.slayer.surgery.layout;

import dev.slayer.surgery.SlayerException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Published strategies, as functions of the depth alone. */
enum Preset {
    /** The S strategy: the first half of the depth in groups, a block after each; the deepest layers go into a final block. */
    SLAYER {
        @Override
        Expansion expand(Options options, int layers) {
            int delete = options.number("delete", 0, layers - 1).orElse(2);
            int half = layers / 2;
            Optional<Integer> givenGroups = options.number("groups", 1, layers);
            int size = options.number("group_size", 1, layers)
                    .orElse(givenGroups
                            .map(groups -> Math.max(1, half / groups))
                            .orElse(2));
            int groups = givenGroups.orElse(half / size);
            Optional<FinalBlock> block = options.value("final").map(FinalBlock::parse);
            if (delete == 0 && block.isPresent()) {
                throw refused(
                        "final", "there is a final block only where layers are deleted; leave final out, or delete");
            }
            int room = layers - delete - (delete > 0 ? 1 : 0);
            long grouped = (long) groups * size;
            if (groups == 0 || grouped > room) {
                throw refused(
                        "preset",
                        groups + " groups of " + size + " layers do not fit: this checkpoint has " + layers
                                + " layers, " + delete + " of which are deleted"
                                + (delete > 0 ? " and one becomes the final block" : "")
                                + "; choose groups, group_size and delete");
            }
            Init init = options.init().orElse(Init.AVERAGE);
            Strategy stack = new Strategy("preset=slayer", layers);
            for (int i = 0; i < groups; i++) {
                stack.keep(size);
                stack.insert(init, 1);
            }
            stack.keep(room - stack.taken());
            if (delete > 0) {
                stack.end(block.orElse(FinalBlock.AVG_DISCARDED));
            }
            return stack.expansion();
        }
    },
    /** Llama Pro: blocks evenly spaced over the whole depth. */
    LLAMA_PRO {
        @Override
        Expansion expand(Options options, int layers) {
            Optional<Integer> size = options.number("group_size", 1, layers);
            Optional<Integer> given = options.number("groups", 1, layers);
            if (size.isPresent() && given.isPresent()) {
                throw refused("group_size", "groups says it already; give one of groups and group_size");
            }
            int groups = given.orElse(size.map(one -> layers / one).orElse(Math.max(1, Math.round(layers / 4f))));
            Init init = options.init().orElse(Init.ZERO);
            Strategy stack = new Strategy("preset=llama-pro", layers);
            for (int group = 1; group <= groups; group++) {
                int end = size.isPresent() ? group * size.get() : group * layers / groups;
                stack.keep(end - stack.taken());
                stack.insert(init, 1);
            }
            stack.keep(layers - stack.taken());
            return stack.expansion();
        }
    },
    /** SOLAR's depth up-scaling: the first and the last L-m layers, all of which are trained. */
    SOLAR {
        @Override
        Expansion expand(Options options, int layers) {
            int delete = options.number("delete", 0, layers - 1).orElse(layers / 4);
            return solar(layers, delete);
        }
    };

    abstract Expansion expand(Options options, int layers);

    /** Parameters that it knows. */
    Set<String> parameters() {
        return switch (this) {
            case SLAYER -> Set.of("groups", "group_size", "delete", "init", "final");
            case LLAMA_PRO -> Set.of("groups", "group_size", "init");
            case SOLAR -> Set.of("delete");
        };
    }

    /** As users write it. */
    String text() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    static Preset parse(String text) {
        return Arrays.stream(values())
                .filter(preset -> preset.text().equals(text))
                .findFirst()
                .orElseThrow(() -> refused(
                        "preset",
                        "'" + Excerpt.of(text) + "' is unknown; there are "
                                + Arrays.stream(values()).map(Preset::text).collect(Collectors.joining(", "))));
    }

    private static Expansion solar(int layers, int delete) {
        int kept = layers - delete;
        if (2 * kept > Layout.MAX_SLOTS) {
            throw refused(
                    "delete", "the layout would have " + 2 * kept + " slots, but may have at most " + Layout.MAX_SLOTS);
        }
        List<Slot> slots = IntStream.concat(IntStream.range(0, kept), IntStream.range(delete, layers))
                .mapToObj(layer -> new Slot(new Recipe.Plain(layer)))
                .toList();
        return new Expansion(
                new Layout(slots),
                IntStream.range(0, slots.size()).boxed().collect(Collectors.toCollection(TreeSet::new)),
                true);
    }

    private static SlayerException refused(String param, String why) {
        return SlayerException.badRequest(param, param + ": " + why);
    }

    /**
     * What was said besides the preset's name.
     *
     * @param values by name of the parameter
     */
    record Options(Map<String, String> values) {
        Optional<String> value(String name) {
            return Optional.ofNullable(values.get(name));
        }

        Optional<Init> init() {
            return value("init").map(text -> Init.parse("init", text));
        }

        Optional<Integer> number(String name, int low, int high) {
            return value(name).map(text -> {
                Cursor cursor = new Cursor(name, text);
                int number = cursor.number("a whole number");
                cursor.spaces();
                if (!cursor.atEnd() || number < low || number > high) {
                    throw cursor.refuse(0, "must be a whole number from " + low + " to " + high);
                }
                return number;
            });
        }
    }
}
