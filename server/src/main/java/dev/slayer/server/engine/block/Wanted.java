package dev.slayer.server.engine.block;

import dev.slayer.server.engine.Chunk;
import dev.slayer.server.engine.Outputs;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * A row of which something is asked for.
 *
 * @param index of its chunk in the step
 * @param position in the sequence
 * @param row of the step
 */
public record Wanted(int index, Chunk chunk, int position, int row) {
    /** Whether the token after it is to be scored. */
    public boolean scored() {
        return chunk.outputs().scores(position);
    }

    /** Whether its logits are handed over. */
    public boolean told() {
        return chunk.outputs().logits(position);
    }

    /** The token after it, where that is to be scored. */
    public int target() {
        return scored() ? chunk.tokens()[position + 1] : 0;
    }

    /** Which positions are wanted. */
    @FunctionalInterface
    public interface Which {
        /** Whether this one is. */
        boolean of(Outputs outputs, int position);
    }

    /**
     * The rows of a step of which something is asked for, in their order.
     *
     * @param ending in which weights the stack of a chunk ends: what runs together
     */
    public static <W> Map<W, List<Wanted>> by(List<Chunk> chunks, Function<Chunk, W> ending, Which which) {
        Map<W, List<Wanted>> wanted = new LinkedHashMap<>();
        int first = 0;
        for (int i = 0; i < chunks.size(); i++) {
            Chunk chunk = chunks.get(i);
            for (int position = chunk.from(); position < chunk.end(); position++) {
                if (which.of(chunk.outputs(), position)) {
                    wanted.computeIfAbsent(ending.apply(chunk), weights -> new ArrayList<>())
                            .add(new Wanted(i, chunk, position, first + position - chunk.from()));
                }
            }
            first += chunk.count();
        }
        return wanted;
    }

    /** Some at a time. */
    public static void inParts(List<Wanted> wanted, int most, Consumer<List<Wanted>> work) {
        for (int at = 0; at < wanted.size(); at += most) {
            work.accept(wanted.subList(at, Math.min(at + most, wanted.size())));
        }
    }
}
