package dev.slayer.server.cli.settings;

import java.util.List;
import java.util.Locale;
import java.util.Objects;

/**
 * A setting: what the command line calls {@code --name}, the environment {@code SLAYER_NAME} and a YAML file {@code name}.
 *
 * @param name lower case with dashes
 * @param label stands for the value in help; empty for a flag, which takes none
 * @param type reads and checks a value
 * @param defaults texts of the default, read like any other; empty where there is none
 * @param defaultText how help and documentation write the default
 * @param repeatable may be given several times
 * @param sentence what it does, one sentence for help and documentation
 * @param <T> type of one value
 */
public record Setting<T>(
        String name,
        String label,
        SettingType<T> type,
        List<String> defaults,
        String defaultText,
        boolean repeatable,
        String sentence) {
    public Setting {
        Objects.requireNonNull(name);
        Objects.requireNonNull(label);
        Objects.requireNonNull(type);
        defaults = List.copyOf(defaults);
        Objects.requireNonNull(defaultText);
        Objects.requireNonNull(sentence);
    }

    /** One value with a default. */
    public static <T> Setting<T> of(
            String name, String label, SettingType<T> type, String defaultValue, String sentence) {
        return new Setting<>(name, label, type, List.of(defaultValue), defaultValue, false, sentence);
    }

    /** One value or none. */
    public static <T> Setting<T> optional(
            String name, String label, SettingType<T> type, String withoutText, String sentence) {
        return new Setting<>(name, label, type, List.of(), withoutText, false, sentence);
    }

    /** Any number of values, none by default. */
    public static <T> Setting<T> repeatable(
            String name, String label, SettingType<T> type, String withoutText, String sentence) {
        return new Setting<>(name, label, type, List.of(), withoutText, true, sentence);
    }

    /** On or off, off by default. */
    public static Setting<Boolean> flag(String name, String sentence) {
        return new Setting<>(name, "", SettingType.flag(), List.of("false"), "off", false, sentence);
    }

    /** Whether the option stands alone on the command line. */
    public boolean takesNoValue() {
        return label.isEmpty();
    }

    /** As the command line writes it. */
    public String option() {
        return "--" + name;
    }

    /** As the environment writes it. */
    public String variable() {
        return "SLAYER_" + name.toUpperCase(Locale.ROOT).replace('-', '_');
    }

    /**
     * Gives the value back if it is allowed; what compact constructors call.
     *
     * @throws dev.slayer.surgery.SlayerException 400 naming the option, the value and the allowed range
     */
    public T require(T value) {
        try {
            type.check(value);
            return value;
        } catch (IllegalArgumentException e) {
            throw SettingValues.refused(option(), String.valueOf(value), e);
        }
    }
}
