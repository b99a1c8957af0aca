package dev.slayer.surgery.layout;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Reads the layout grammar, by recursive descent of depth two: nothing nests. */
final class LayoutParser {
    private static final String ITEM = "a slot: a layer, a range, or a recipe such as avg(7:8)";

    private final Cursor cursor;
    private final ModelConfig base;
    private final Namespace others;
    private final EndsParser ends;
    private final Set<String> checked = new HashSet<>();
    private final List<Slot> slots = new ArrayList<>();

    private LayoutParser(Cursor cursor, ModelConfig base, Namespace others) {
        this.cursor = cursor;
        this.base = base;
        this.others = others;
        this.ends = new EndsParser(cursor, base, others);
    }

    static Layout parse(String param, String text, ModelConfig base, Namespace others) {
        return new LayoutParser(new Cursor(param, text), base, others).layout();
    }

    private Layout layout() {
        do {
            item();
        } while (cursor.nextItem(ITEM));
        if (slots.isEmpty()) {
            throw cursor.refuse(0, "there is no slot; write the layers before embedding(...), norm(...) or head(...)");
        }
        Layout layout = new Layout(slots, ends.ends());
        int length = layout.text().length();
        if (length > Layout.MAX_TEXT) {
            throw cursor.refuse(
                    0, "the canonical text has " + length + " characters, but may have at most " + Layout.MAX_TEXT);
        }
        return layout;
    }

    private void item() {
        int begin = cursor.at();
        if (cursor.seesDigit()) {
            range(begin, "");
            return;
        }
        String name = cursor.name();
        if (cursor.sees(':')) {
            range(begin, checkpoint(begin, name));
            return;
        }
        if (name.isEmpty() || !cursor.take('(')) {
            cursor.back(begin);
            throw cursor.unexpected(ITEM);
        }
        Optional<Ends.Kind> end = EndsParser.kind(name);
        if (end.isPresent()) {
            ends.read(end.get(), begin);
            return;
        }
        cursor.spaces();
        Recipe recipe = recipe(begin, name);
        cursor.close(name + "(...)");
        add(begin, List.of(recipe));
    }

    private void range(int begin, String checkpoint) {
        Cursor.Range range = cursor.range(layers(checkpoint), called(checkpoint));
        room(begin, range.size());
        List<Recipe> recipes = new ArrayList<>(range.size());
        for (int layer = range.from(); layer <= range.to(); layer++) {
            recipes.add(new Recipe.Plain(new LayerRef(checkpoint, layer)));
        }
        add(begin, recipes);
    }

    private void room(int begin, int more) {
        if (slots.size() + more > Layout.MAX_SLOTS) {
            throw cursor.refuse(
                    begin, "here the layout exceeds " + Layout.MAX_SLOTS + " slots, which is the most it may have");
        }
    }

    private void add(int begin, List<Recipe> recipes) {
        ends.requireNoneBefore(begin);
        room(begin, recipes.size());
        try {
            Gates gates = gates();
            recipes.forEach(recipe -> slots.add(new Slot(recipe, gates)));
        } catch (IllegalArgumentException e) {
            throw cursor.refuse(begin, e.getMessage(), e);
        }
    }

    private Recipe recipe(int begin, String name) {
        try {
            return switch (name) {
                case "avg" -> new Recipe.Average(references(name));
                case "avg0" -> new Recipe.AverageZero(references(name));
                case "zero" -> new Recipe.Zero(reference());
                case "lerp" -> new Recipe.Lerp(first(name), first(name), share());
                case "slerp" -> new Recipe.Slerp(first(name), first(name), share());
                case "linear" -> new Recipe.Linear(donors(false));
                case "task" -> new Recipe.Task(first(name), donors(false));
                case "ties" -> new Recipe.Ties(first(name), donors(true));
                case "dare" -> dare();
                default ->
                    throw cursor.refuse(
                            begin,
                            "there is no recipe " + Excerpt.of(name)
                                    + "(...); there are avg, zero, avg0, lerp, slerp, linear, task, ties and dare,"
                                    + " and behind the slots embedding, norm and head");
            };
        } catch (IllegalArgumentException e) {
            throw cursor.refuse(begin, e.getMessage(), e);
        }
    }

    private List<LayerRef> references(String name) {
        List<LayerRef> layers = new ArrayList<>();
        layers.add(first(name));
        do {
            limit(layers.size());
            layers.add(reference());
        } while (colon());
        return layers;
    }

    private LayerRef first(String name) {
        LayerRef layer = reference();
        cursor.expect(':', "and more inside " + name + "(...)");
        return layer;
    }

    private BigDecimal share() {
        return cursor.decimal("a decimal from 0 to 1");
    }

    private Recipe dare() {
        LayerRef from = first("dare");
        List<Recipe.Donor> donors = new ArrayList<>();
        while (true) {
            int begin = cursor.at();
            boolean seed = cursor.word().equals("seed") && cursor.seesDigit();
            long number = seed ? cursor.longNumber("the seed") : 0;
            cursor.spaces();
            if (seed && cursor.sees(')')) {
                return new Recipe.Dare(from, donors, number);
            }
            cursor.back(begin);
            limit(donors.size());
            donors.add(donor(true));
            cursor.expect(':', "and another layer, or the seed of dare(...), such as seed42");
        }
    }

    private List<Recipe.Donor> donors(boolean densities) {
        List<Recipe.Donor> donors = new ArrayList<>();
        do {
            limit(donors.size());
            donors.add(donor(densities));
        } while (colon());
        return donors;
    }

    private Recipe.Donor donor(boolean densities) {
        int begin = cursor.at();
        LayerRef layer = reference();
        BigDecimal weight = cursor.take('*') ? cursor.decimal("a weight such as 0.5") : BigDecimal.ONE;
        BigDecimal density = densities && cursor.take('~') ? cursor.decimal("a density such as 0.2") : BigDecimal.ONE;
        try {
            return new Recipe.Donor(layer, weight, density);
        } catch (IllegalArgumentException e) {
            throw cursor.refuse(begin, e.getMessage(), e);
        }
    }

    private void limit(int layers) {
        if (layers >= Recipe.MAX_LAYERS) {
            throw cursor.refuse(cursor.at(), "a recipe takes at most " + Recipe.MAX_LAYERS + " layers");
        }
    }

    private boolean colon() {
        cursor.spaces();
        boolean more = cursor.take(':');
        cursor.spaces();
        return more;
    }

    /** {@code 7} or {@code other:7}. */
    private LayerRef reference() {
        if (cursor.seesDigit()) {
            return LayerRef.of(cursor.layer(base.layers(), called("")));
        }
        int begin = cursor.at();
        if (!cursor.seesLetter()) {
            throw cursor.unexpected("a layer such as 7 or other:7");
        }
        String checkpoint = checkpoint(begin, cursor.name());
        return new LayerRef(checkpoint, cursor.layer(layers(checkpoint), called(checkpoint)));
    }

    /** Takes the colon after a checkpoint's name. The base's own name is no name. */
    private String checkpoint(int begin, String name) {
        if (!cursor.take(':')) {
            throw cursor.unexpected("':' and a layer after the checkpoint's name");
        }
        if (others.baseName().filter(name::equals).isPresent()) {
            return "";
        }
        if (checked.add(name)) {
            ModelConfig other = others.config(name)
                    .orElseThrow(() -> cursor.refuse(
                            begin,
                            "there is no checkpoint '" + Excerpt.of(name)
                                    + "'; load it, or take layers of this checkpoint alone"));
            requireSameShape(begin, name, other);
        }
        return name;
    }

    private void requireSameShape(int begin, String name, ModelConfig other) {
        same(begin, name, "hidden_size", base.hiddenSize(), other.hiddenSize());
        same(begin, name, "num_attention_heads", base.heads(), other.heads());
        same(begin, name, "num_key_value_heads", base.kvHeads(), other.kvHeads());
        same(begin, name, "head_dim", base.headDim(), other.headDim());
        same(begin, name, "intermediate_size", base.intermediateSize(), other.intermediateSize());
        same(begin, name, "rms_norm_eps", base.rmsNormEps(), other.rmsNormEps());
    }

    private void same(int begin, String name, String dimension, Number here, Number there) {
        if (!here.equals(there)) {
            throw cursor.refuse(
                    begin,
                    "layers of checkpoint '" + Excerpt.of(name) + "' do not fit: its " + dimension + " is " + there
                            + ", this checkpoint's is " + here);
        }
    }

    private int layers(String checkpoint) {
        return checkpoint.isEmpty()
                ? base.layers()
                : others.config(checkpoint).map(ModelConfig::layers).orElse(0);
    }

    private static String called(String checkpoint) {
        return checkpoint.isEmpty() ? "this checkpoint" : "checkpoint '" + Excerpt.of(checkpoint) + "'";
    }

    /** Gates in any order, each at most once. */
    private Gates gates() {
        boolean attention = true;
        boolean mlp = true;
        BigDecimal scale = null;
        while (true) {
            int begin = cursor.at();
            if (cursor.take('-')) {
                String word = cursor.word();
                if (word.equals("attn") && attention) {
                    attention = false;
                } else if (word.equals("mlp") && mlp) {
                    mlp = false;
                } else {
                    throw gateRefused(begin, word.equals("attn") || word.equals("mlp"));
                }
            } else if (cursor.take('*')) {
                if (scale != null) {
                    throw gateRefused(begin, true);
                }
                scale = cursor.decimal("a scale such as 0.5");
            } else {
                return new Gates(attention, mlp, scale == null ? BigDecimal.ONE : scale);
            }
        }
    }

    private SlayerException gateRefused(int begin, boolean twice) {
        return cursor.refuse(
                begin, twice ? "this gate is given twice" : "expected a gate: -attn, -mlp, or a scale such as *0.5");
    }
}
