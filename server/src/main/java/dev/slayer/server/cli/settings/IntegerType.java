package dev.slayer.server.cli.settings;

import java.nio.file.Path;
import java.util.OptionalInt;

/**
 * Whole numbers of a range.
 *
 * @param low least
 * @param high most
 * @param meaning number that the word stands for, if there is one
 * @param word allowed instead of a number
 */
record IntegerType(int low, int high, OptionalInt meaning, String word) implements SettingType<Integer> {
    @Override
    public Integer parse(String text, Path base) {
        if (meaning.isPresent() && text.equals(word)) {
            return meaning.getAsInt();
        }
        int value;
        try {
            value = Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("is no whole number; " + allowed(), e);
        }
        check(value);
        return value;
    }

    @Override
    public void check(Integer value) {
        if (value < low || value > high) {
            throw new IllegalArgumentException("is out of range; " + allowed());
        }
    }

    private String allowed() {
        String range = high == Integer.MAX_VALUE ? low + " or more" : low + " to " + high;
        return "allowed: " + range + (meaning.isPresent() ? ", or " + word : "");
    }
}
