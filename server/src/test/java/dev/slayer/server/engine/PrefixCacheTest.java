package dev.slayer.server.engine;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Slot;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * The prefix cache gives back what a sequence would have computed itself. KV here is a function of the slots passed and the tokens
 * read, as it is in a model, so that a row in the wrong place is noticed.
 */
class PrefixCacheTest {
    private static final int HEADS = 2;
    private static final int DIM = 3;
    private static final int CONTEXT = 600;
    private static final int CHUNK =
            2 * HEADS * DIM * Float.BYTES; // a row of a slot, so that all sizes are whole chunks
    private static final OptionalInt UNSCORED = OptionalInt.empty();
    private static final List<int[]> STACKS =
            List.of(new int[] {0, 1, 2, 3}, new int[] {0, 1, 3}, new int[] {2, 1, 0}, new int[] {0, 1, 2});
    private static final List<StackPath> PATHS =
            STACKS.stream().map(PrefixCacheTest::path).toList();
    private KvPool pool = new KvPool(1L << 24, CHUNK);
    private final Runner runner = new StubRunner(pool, 300, 'a', 26, 257, CONTEXT);

    @AfterEach
    void close() {
        assertThat(pool.usedBytes()).isZero();
        pool.close();
    }

    private static StackPath path(int... layers) {
        List<Slot> slots = Layout.identity(4).slots();
        return StackPath.of(
                new Layout(Arrays.stream(layers).mapToObj(slots::get).toList()));
    }

    private PrefixCache.Key key(StackPath path, int... tokens) {
        return new PrefixCache.Key(runner, path, tokens, tokens.length);
    }

    private KvCache empty(StackPath path, int rows) {
        KvCache kv = new KvCache(pool, path.kvSlots(), HEADS, DIM, CONTEXT);
        assertThat(kv.reserve(rows, 0)).isTrue();
        return kv;
    }

    /** What a model would have computed: depends on all slots up to this and all tokens up to this. */
    private static float value(StackPath path, int slot, int matrix, int[] tokens, int row, int i) {
        int[] slots = Arrays.copyOf(STACKS.get(PATHS.indexOf(path)), slot + 1);
        int[] prefix = Arrays.copyOf(tokens, row + 1);
        return Objects.hash(Arrays.hashCode(slots), Arrays.hashCode(prefix), matrix, i) % 100_003;
    }

    private void compute(KvCache kv, PrefixCache.Key key, int from) {
        each(kv, key, from, key.tokens().length, true);
    }

    private void assertComputed(KvCache kv, PrefixCache.Key key, int rows) {
        each(kv, key, 0, rows, false);
    }

    private static void each(KvCache kv, PrefixCache.Key key, int from, int to, boolean write) {
        for (int slot = 0; slot < key.path().kvSlots(); slot++) {
            for (int matrix = 0; matrix < 2 * HEADS; matrix++) {
                MemorySegment memory = matrix < HEADS ? kv.keys(slot) : kv.values(slot);
                for (int row = from; row < to; row++) {
                    for (int i = 0; i < DIM; i++) {
                        long at = ((long) (matrix % HEADS) * kv.capacity() + row) * DIM + i;
                        float value = value(key.path(), slot, matrix, key.tokens(), row, i);
                        if (write) {
                            memory.setAtIndex(JAVA_FLOAT, at, value);
                        } else if (memory.getAtIndex(JAVA_FLOAT, at) != value) {
                            throw new AssertionError("slot " + slot + ", matrix " + matrix + ", row " + row);
                        }
                    }
                }
            }
        }
    }

    private static TokenScore score(PrefixCache.Key key, int token, int top) {
        int seed = Objects.hash(key.path(), Arrays.hashCode(Arrays.copyOf(key.tokens(), token + 1)));
        return new TokenScore(key.tokens()[token], -Math.abs(seed % 1000), 1, new int[top], new float[top]);
    }

    private boolean store(PrefixCache cache, PrefixCache.Key key, boolean scored, int top) {
        try (KvCache kv = empty(key.path(), key.length());
                PrefixUse use = new PrefixUse()) {
            compute(kv, key, 0);
            return cache.store(
                    key, key.length(), token -> scored && token > 0 ? score(key, token, top) : null, kv, use);
        }
    }

    private PrefixHit assertRight(PrefixCache cache, PrefixCache.Key key, OptionalInt scored) {
        PrefixHit hit = cache.find(key, scored);
        try (KvCache kv = empty(key.path(), key.length())) {
            hit.copyTo(kv, hit.rows());
            assertComputed(kv, key, hit.rows());
        }
        if (scored.isPresent()) {
            for (int token = 1; token < hit.rows(); token++) {
                assertThat(hit.score(token).logprob())
                        .isEqualTo(score(key, token, 0).logprob());
                assertThat(hit.score(token).topTokens().length).isGreaterThanOrEqualTo(scored.getAsInt());
            }
        }
        return hit;
    }

    @Test
    void aPrefixIsFoundToTheTokenWhereverSequencesPart() {
        try (PrefixCache cache = new PrefixCache(1 << 20)) {
            StackPath path = PATHS.getFirst();
            store(cache, key(path, 1, 2, 3, 4, 5, 6), false, 0);
            assertThat(assertRight(cache, key(path, 1, 2, 3, 9), UNSCORED).rows())
                    .isEqualTo(3);
            store(cache, key(path, 1, 2, 3, 9, 8), false, 0);
            assertThat(assertRight(cache, key(path, 1, 2, 3, 9, 8, 7), UNSCORED).rows())
                    .isEqualTo(5);
            assertThat(assertRight(cache, key(path, 1, 2, 3, 4, 5, 6, 7), UNSCORED)
                            .rows())
                    .isEqualTo(6);
            assertThat(assertRight(cache, key(path, 2), UNSCORED).rows()).isZero();
        }
    }

    @Test
    void stacksThatBeginAlikeShareTheKvOfTheirFirstSlots() {
        int[] tokens = {1, 2, 3, 4, 5};
        try (PrefixCache cache = new PrefixCache(1 << 20)) {
            store(cache, key(PATHS.getFirst(), tokens), false, 0);
            long four = cache.usedBytes();
            assertThat(cache.find(key(PATHS.get(1), tokens), UNSCORED).rows()).isZero();
            store(cache, key(PATHS.get(1), tokens), false, 0);
            assertThat(cache.usedBytes() - four).as("one slot of three is new").isEqualTo(four / 4);
            store(cache, key(PATHS.get(3), tokens), false, 0);
            assertThat(cache.usedBytes() - four).as("no slot of three is new").isEqualTo(four / 4);
            store(cache, key(PATHS.get(2), tokens), false, 0);
            assertThat(cache.usedBytes() - four).as("none is shared").isEqualTo(four);
            store(cache, key(PATHS.getFirst(), 1, 2, 9), false, 0); // which splits what all four have
            PATHS.forEach(path -> assertThat(
                            assertRight(cache, key(path, tokens), UNSCORED).rows())
                    .isEqualTo(5));
        }
    }

    @Test
    void aRequestForScoresIsServedAsFarAsThereAreScoresThatNameEnough() {
        StackPath path = PATHS.getFirst();
        try (PrefixCache cache = new PrefixCache(1 << 20)) {
            store(cache, key(path, 1, 2, 3, 4), false, 0);
            PrefixCache.Key asked = key(path, 1, 2, 3, 4, 5);
            assertThat(assertRight(cache, asked, OptionalInt.of(0)).rows())
                    .as("the first token needs no score")
                    .isEqualTo(1);
            store(cache, key(path, 1, 2, 3), true, 1);
            assertThat(assertRight(cache, asked, OptionalInt.of(1)).rows()).isEqualTo(3);
            assertThat(assertRight(cache, asked, OptionalInt.of(2)).rows()).isEqualTo(1);
            assertThat(assertRight(cache, asked, UNSCORED).rows()).isEqualTo(4);
        }
    }

    @Test
    void whatWasNotUsedForLongestGoesFirstAndWhatIsInUseStays() {
        StackPath path = PATHS.getFirst();
        long ten;
        try (PrefixCache cache = new PrefixCache(1 << 20)) {
            store(cache, key(path, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1), false, 0);
            ten = cache.usedBytes();
        }
        try (PrefixCache cache = new PrefixCache(3 * ten)) {
            store(cache, key(path, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1), false, 0);
            store(cache, key(path, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2), false, 0);
            store(cache, key(path, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3), false, 0);
            PrefixUse running = new PrefixUse();
            cache.use(cache.find(key(path, 2, 2), UNSCORED), running);
            try (PrefixUse shortly = new PrefixUse()) {
                cache.use(cache.find(key(path, 1, 1), UNSCORED), shortly);
            }
            store(cache, key(path, 2, 2, 9), false, 0); // splits what is in use
            assertThat(store(cache, key(path, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4), false, 0))
                    .isTrue();
            assertThat(cache.find(key(path, 3), UNSCORED).rows()).isZero();
            assertThat(assertRight(cache, key(path, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2), UNSCORED)
                            .rows())
                    .isEqualTo(10);
            assertThat(store(cache, key(path, new int[25]), false, 0)).isFalse();
            assertThat(cache.usedBytes()).isLessThanOrEqualTo(3 * ten);
            running.close();
            assertThat(store(cache, key(path, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6), false, 0))
                    .isTrue();
        }
    }

    @Test
    void aCheckpointThatGoesTakesItsPrefixesAlong() {
        StackPath path = PATHS.getFirst();
        try (PrefixCache cache = new PrefixCache(1 << 20)) {
            store(cache, key(path, 1, 2, 3), false, 0);
            cache.drop(runner);
            assertThat(cache.usedBytes()).isZero();
            assertThat(cache.find(key(path, 1, 2, 3), UNSCORED).rows()).isZero();
        }
    }

    /** Random sequences over few tokens, so that they part everywhere, in a cache that is always full. */
    @Test
    void whateverHappensWhatIsFoundIsRightAndTheLimitHolds() {
        for (int seed = 0; seed < 20; seed++) {
            Random random = new Random(seed);
            long limit = 2_000L + random.nextInt(60_000);
            List<PrefixUse> running = new ArrayList<>();
            int found = 0;
            int chunk = seed % 2 == 0 ? CHUNK : 100; // which rows straddle
            pool.close();
            pool = new KvPool(1L << 24, chunk);
            try (PrefixCache cache = new PrefixCache(limit)) {
                for (int round = 0; round < 300; round++) {
                    int[] tokens = random.ints(1 + random.nextInt(random.nextInt(10) == 0 ? 300 : 20), 0, 2)
                            .toArray();
                    PrefixCache.Key key = key(PATHS.get(random.nextInt(PATHS.size())), tokens);
                    OptionalInt scored = random.nextBoolean() ? UNSCORED : OptionalInt.of(random.nextInt(3));
                    found += assertRight(cache, key, scored).rows();
                    if (random.nextInt(4) == 0) {
                        running.add(new PrefixUse());
                        cache.use(cache.find(key, scored), running.getLast());
                    }
                    store(cache, key, scored.isPresent(), scored.orElse(0));
                    if (running.size() > 5) {
                        running.removeFirst().close();
                    }
                    // Halves of what is in use may take some chunks more than the whole did.
                    assertThat(cache.usedBytes()).isBetween(0L, limit + (chunk == CHUNK ? 0 : 20L * chunk));
                }
                running.forEach(PrefixUse::close);
                cache.drop(runner);
                assertThat(cache.usedBytes()).isZero();
            }
            assertThat(found).as("seed %d", seed).isPositive();
        }
    }
}
