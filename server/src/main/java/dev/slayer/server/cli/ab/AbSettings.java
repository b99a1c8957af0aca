package dev.slayer.server.cli.ab;

import dev.slayer.server.cli.settings.Setting;
import dev.slayer.server.cli.settings.SettingType;
import dev.slayer.server.cli.settings.SettingValues;
import dev.slayer.surgery.SlayerException;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * What to compare and how to show it.
 *
 * @param url server to ask; empty for one inside this process
 * @param variants the reference and those that are compared with it, at least two
 * @param maxTokens most tokens of an answer
 * @param temperature 0 to 2
 * @param seed of the draws, the same for all variants; empty is unseeded
 * @param width columns of the terminal; empty to find out
 */
public record AbSettings(
        Optional<String> url,
        List<String> variants,
        int maxTokens,
        double temperature,
        Optional<Long> seed,
        Optional<Integer> width) {

    public static final Setting<String> URL = Setting.optional(
            "url",
            "URL",
            SettingType.text(),
            "a server inside this process",
            "Server to ask, such as http://127.0.0.1:8000.");

    public static final Setting<String> VARIANT = Setting.repeatable(
            "variant",
            "NAME",
            SettingType.text(),
            "none, at least two must be given",
            "A model, also with an edit: base, base@remove=3. The first is the reference.");

    public static final Setting<Integer> MAX_TOKENS =
            Setting.of("max-tokens", "N", SettingType.integer(1, 1_000_000), "64", "Most tokens of an answer.");

    public static final Setting<Double> TEMPERATURE =
            Setting.of("temperature", "T", zeroToTwo(), "0", "From 0, always the most probable token, to 2.");

    public static final Setting<Long> SEED = Setting.optional(
            "seed", "N", SettingType.wholeNumber(), "none", "Seed of the draws, the same for all variants.");

    public static final Setting<Integer> WIDTH = Setting.optional(
            "width", "COLUMNS", SettingType.integer(20, 10_000), "that of the terminal", "Width of the output.");

    public static final Setting<String> API_KEY =
            Setting.optional("api-key", "KEY", SettingType.text(), "none", "Key to send to the server of --url.");

    /** All settings of the comparison, in the order of help. */
    public static final List<Setting<?>> ALL = List.of(URL, VARIANT, MAX_TOKENS, TEMPERATURE, SEED, WIDTH, API_KEY);

    /** @throws SlayerException 400 naming the option, the value and the allowed range */
    public AbSettings {
        Objects.requireNonNull(url);
        variants = List.copyOf(variants);
        if (variants.size() < 2) {
            throw SlayerException.badRequest(
                    VARIANT.option(),
                    "--variant is given " + variants.size()
                            + " times; give at least two, such as --variant base --variant base@remove=3.");
        }
        MAX_TOKENS.require(maxTokens);
        TEMPERATURE.require(temperature);
        Objects.requireNonNull(seed);
        width.ifPresent(WIDTH::require);
    }

    /** Settings as written; refuses as the constructor does. */
    public static AbSettings from(SettingValues values) {
        return new AbSettings(
                values.optional(URL),
                values.all(VARIANT),
                values.one(MAX_TOKENS),
                values.one(TEMPERATURE),
                values.optional(SEED),
                values.optional(WIDTH));
    }

    private static SettingType<Double> zeroToTwo() {
        return (text, base) -> {
            try {
                double value = Double.parseDouble(text);
                if (value >= 0 && value <= 2) {
                    return value;
                }
            } catch (NumberFormatException e) {
                throw new IllegalArgumentException("is no number", e);
            }
            throw new IllegalArgumentException("is out of range; allowed: 0 to 2");
        };
    }
}
