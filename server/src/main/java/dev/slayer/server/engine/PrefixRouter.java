package dev.slayer.server.engine;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Decides which of several engines a sequence goes to: the one that has computed the longest beginning of it, so that prefixes stay where
 * their KV is, else the one with the least to do. An engine that is full loses its claim while another is not, or all that share a
 * beginning would wait for one. Thread-safe.
 *
 * <p>It remembers what it sent where, as hashes of blocks of tokens, and not what engines evicted since: a wrong guess costs a prefill
 * and nothing else.
 */
final class PrefixRouter {
    /** Tokens that are remembered together. */
    static final int BLOCK_TOKENS = 64;

    private static final int MOST_BLOCKS = 1 << 16; // remembered of an engine: four million tokens

    private final List<Map<Long, Boolean>> blocks = new ArrayList<>();

    /** @param engines how many there are */
    PrefixRouter(int engines) {
        for (int i = 0; i < engines; i++) {
            blocks.add(new LeastRecent());
        }
    }

    /**
     * What an engine has to do.
     *
     * @param sequences that it has been given and that have not ended
     * @param capacity how many run at once
     * @param freeKvBytes KV memory that nobody holds
     */
    record Load(int sequences, int capacity, long freeKvBytes) {
        boolean full() {
            return sequences >= capacity;
        }

        /** Whether it has less to do than another: fewer sequences, or as many and more room. */
        boolean lighterThan(Load other) {
            return sequences != other.sequences ? sequences < other.sequences : freeKvBytes > other.freeKvBytes;
        }
    }

    /**
     * Chooses an engine and remembers the choice.
     *
     * @param base what else must be equal for beginnings to be the same, such as model and layout
     * @param prompt [tokens]
     * @param loads of the engines
     * @return its index
     */
    int choose(Object base, int[] prompt, List<Load> loads) {
        long[] hashes = hashes(base, prompt);
        synchronized (this) {
            int chosen = 0;
            for (int i = 1; i < loads.size(); i++) {
                if (better(i, chosen, hashes, loads)) {
                    chosen = i;
                }
            }
            remember(chosen, hashes);
            return chosen;
        }
    }

    private boolean better(int one, int other, long[] hashes, List<Load> loads) {
        Load mine = loads.get(one);
        Load theirs = loads.get(other);
        if (mine.full() != theirs.full()) {
            return theirs.full();
        }
        int known = known(one, hashes);
        int theirsKnown = known(other, hashes);
        return known != theirsKnown ? known > theirsKnown : mine.lighterThan(theirs);
    }

    private int known(int engine, long[] hashes) {
        int known = 0;
        while (known < hashes.length && blocks.get(engine).containsKey(hashes[known])) {
            known++;
        }
        return known;
    }

    private void remember(int engine, long[] hashes) {
        for (long hash : hashes) {
            blocks.get(engine).put(hash, true);
        }
    }

    /** A hash for each whole block, of it and all before it. */
    private static long[] hashes(Object base, int[] prompt) {
        long[] hashes = new long[prompt.length / BLOCK_TOKENS];
        long hash = mix(base.hashCode());
        for (int i = 0; i < hashes.length * BLOCK_TOKENS; i++) {
            hash = mix(hash ^ prompt[i]);
            if (i % BLOCK_TOKENS == BLOCK_TOKENS - 1) {
                hashes[i / BLOCK_TOKENS] = hash;
            }
        }
        return hashes;
    }

    /** Spreads a number over all bits: the finalizer of SplitMix64 (Steele, Lea, Flood 2014). */
    private static long mix(long value) {
        long z = value + 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    /** The blocks that were sent last. */
    private static final class LeastRecent extends LinkedHashMap<Long, Boolean> {
        private static final long serialVersionUID = 1L;

        LeastRecent() {
            super(1024, 0.75f, true);
        }

        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, Boolean> eldest) {
            return size() > MOST_BLOCKS;
        }
    }
}
