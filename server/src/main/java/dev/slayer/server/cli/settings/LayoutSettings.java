package dev.slayer.server.cli.settings;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Options of {@code slayer layout}. */
public final class LayoutSettings {
    public static final Setting<ModelSource> MODEL = Setting.repeatable(
            "model",
            "[NAME=]DIR",
            ModelSource.type(),
            "the embedded slayer-tiny",
            "Checkpoint whose layers are meant; only its config.json is read. Further ones lend theirs as NAME:7.");

    public static final Setting<ModelSource> DELTA = Setting.repeatable(
            "delta",
            "[NAME=]FOLDER",
            ModelSource.type(),
            "none",
            "A trained delta of the checkpoint, for NAME:7 and head(NAME); one alone is what is shown or edited.");

    public static final Setting<Boolean> JSON = Setting.flag("json", "Prints JSON for programs instead of a table.");

    /** What names a layout; each is the parameter of that name, with dashes for underscores. */
    public static final List<Setting<String>> LAYOUT = List.of(
            text("layers", "LAYOUT", "The whole layout, such as 0-7,avg(7:8),8-11."),
            text("preset", "NAME", "A published strategy: slayer, llama-pro or solar."),
            text("pattern", "PATTERN", "Block expansion as in the paper, such as '(2+1)x8|13|1'."),
            text("groups", "N", "Groups of the preset, a block after each."),
            text("group-size", "N", "Layers of a group."),
            text("delete", "N", "Layers that the preset cuts off."),
            text("init", "INIT", "What inserted blocks start from: average, average-zero, copy or zero."),
            text("final", "FINAL", "What the final block starts from: avg-discarded, avg-all or keep."),
            text("insert", "LIST", "Blocks after layers, such as 5:copy,9:average."),
            text("remove", "LIST", "Layers to leave out, such as 3,7-9."),
            text("skip", "LIST", "Sublayers that are off, such as attn:5,mlp:7-9."),
            text("scale", "LIST", "What layers add is multiplied, such as 5:0.5."));

    /** All of them. */
    public static final List<Setting<?>> ALL = all();

    private LayoutSettings() {}

    /** Parameters of a layout that were given, by their names in requests. */
    public static Map<String, String> layout(SettingValues values) {
        Map<String, String> given = new LinkedHashMap<>();
        for (Setting<String> setting : LAYOUT) {
            values.optional(setting).ifPresent(text -> given.put(setting.name().replace('-', '_'), text));
        }
        return given;
    }

    private static Setting<String> text(String name, String label, String sentence) {
        return Setting.optional(name, label, SettingType.text(), "none", sentence);
    }

    private static List<Setting<?>> all() {
        List<Setting<?>> settings = new ArrayList<>();
        settings.add(MODEL);
        settings.add(DELTA);
        settings.addAll(LAYOUT);
        settings.add(JSON);
        return List.copyOf(settings);
    }
}
