package dev.slayer.surgery.layout;

import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.List;

/**
 * The notation of block expansion in the paper's Table 3: {@code (2+1)x8|13|1} is one inserted block after every two layers,
 * eight times, then 13 layers, then a final block made of the layers that are left.
 */
final class BlockPattern {
    private static final String PARAM = "pattern";
    private static final String SEGMENT = "a segment such as (2+1)x8 or 16";

    /**
     * @param layers kept in a row
     * @param inserted blocks after them
     * @param times repetitions
     */
    private record Segment(int layers, int inserted, int times) {
        long total() {
            return (long) layers * times;
        }
    }

    private final List<Segment> segments;
    private final boolean average;

    private BlockPattern(List<Segment> segments, boolean average) {
        this.segments = segments;
        this.average = average;
    }

    static BlockPattern parse(String text) {
        Cursor cursor = new Cursor(PARAM, text);
        List<Segment> segments = new ArrayList<>();
        do {
            cursor.spaces();
            segments.add(segment(cursor));
            cursor.spaces();
        } while (cursor.take('|'));
        boolean average = cursor.take('\u25c7');
        cursor.spaces();
        if (!cursor.atEnd()) {
            throw cursor.unexpected("'|' and a segment, a final \u25c7, or the end");
        }
        return new BlockPattern(segments, average);
    }

    private static Segment segment(Cursor cursor) {
        if (!cursor.take('(')) {
            return new Segment(positive(cursor, SEGMENT), 0, 1);
        }
        cursor.spaces();
        int layers = positive(cursor, "a number of layers");
        int behind = cursor.at();
        cursor.spaces();
        // A plus in a query string arrives as a space.
        if (!cursor.take('+') && cursor.at() == behind) {
            throw cursor.unexpected("'+' and a number of inserted blocks");
        }
        cursor.spaces();
        int inserted = positive(cursor, "a number of inserted blocks");
        cursor.close("the group");
        cursor.spaces();
        if (!cursor.take('x') && !cursor.take('X') && !cursor.take('\u00d7') && !cursor.take('*')) {
            throw cursor.unexpected("'x' and how often the group is repeated");
        }
        cursor.spaces();
        return new Segment(layers, inserted, positive(cursor, "a number of repetitions"));
    }

    private static int positive(Cursor cursor, String what) {
        int begin = cursor.at();
        int number = cursor.number(what);
        if (number < 1 || number > Layout.MAX_SLOTS) {
            throw cursor.refuse(begin, "every number must be from 1 to " + Layout.MAX_SLOTS);
        }
        return number;
    }

    /** What the paper starts inserted blocks from: means where it says so and wherever it deletes layers, else copies. */
    Init publishedInit(int layers) {
        return average || endsInFinalBlock(layers) ? Init.AVERAGE : Init.COPY;
    }

    /** Whether the last segment stands for the layers that are left over. */
    boolean endsInFinalBlock(int layers) {
        Segment last = segments.getLast();
        return last.layers == 1 && last.inserted == 0 && segments.size() > 1 && total() < layers;
    }

    Expansion expand(int layers, Init init, FinalBlock block) {
        boolean ends = endsInFinalBlock(layers);
        if (total() > layers || (total() < layers && !ends)) {
            throw SlayerException.badRequest(PARAM, sums(layers));
        }
        Strategy stack = new Strategy(PARAM, layers);
        List<Segment> kept = ends ? segments.subList(0, segments.size() - 1) : segments;
        for (Segment segment : kept) {
            for (int i = 0; i < segment.times; i++) {
                stack.keep(segment.layers);
                if (segment.inserted > 0) {
                    stack.insert(init, segment.inserted);
                }
            }
        }
        if (ends) {
            stack.end(block);
        }
        return stack.expansion();
    }

    private long total() {
        return segments.stream().mapToLong(Segment::total).sum();
    }

    private String sums(int layers) {
        String begin = "pattern: its segments take " + total() + " layers, but this checkpoint has " + layers;
        return total() > layers
                ? begin + "; take fewer"
                : begin + "; take the other " + (layers - total())
                        + ", or end with |1, a final block made of the layers that are left";
    }
}
