package dev.slayer.server.text;

import java.util.ArrayList;
import java.util.List;

/** Python's slices of strings and lists: bounds (start, stop, step) may be negative, or no numbers for what is left out. */
final class Slices {
    private Slices() {}

    /** Characters of a text, counted in code points. */
    static String of(String text, Object[] bounds) {
        int[] characters = text.codePoints().toArray();
        StringBuilder out = new StringBuilder();
        for (int index : indices(characters.length, bounds)) {
            out.appendCodePoint(characters[index]);
        }
        return out.toString();
    }

    /** Items of a list. */
    static List<Object> of(List<?> list, Object[] bounds) {
        List<Object> out = new ArrayList<>();
        for (int index : indices(list.size(), bounds)) {
            out.add(list.get(index));
        }
        return out;
    }

    /** As Python's slice.indices. */
    private static int[] indices(int length, Object[] bounds) {
        int step = bounds.length > 2 && bounds[2] instanceof Number n ? n.intValue() : 1;
        if (step == 0) {
            throw new TemplateRefusal("the step of a slice cannot be zero");
        }
        int low = step > 0 ? 0 : -1;
        int high = step > 0 ? length : length - 1;
        int start = bound(bounds, 0, length, low, high, step > 0 ? low : high);
        int stop = bound(bounds, 1, length, low, high, step > 0 ? high : low);
        int count = step > 0 ? (stop - start + step - 1) / step : (start - stop - step - 1) / -step;
        int[] indices = new int[Math.max(0, count)];
        for (int i = 0; i < indices.length; i++) {
            indices[i] = start + i * step;
        }
        return indices;
    }

    private static int bound(Object[] bounds, int which, int length, int low, int high, int missing) {
        if (which >= bounds.length || !(bounds[which] instanceof Number number)) {
            return missing;
        }
        long value = number.longValue() < 0 ? number.longValue() + length : number.longValue();
        return (int) Math.clamp(value, (long) low, (long) high);
    }
}
