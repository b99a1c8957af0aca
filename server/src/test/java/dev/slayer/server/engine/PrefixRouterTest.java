package dev.slayer.server.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PrefixRouterTest {
    private static final int BLOCK = PrefixRouter.BLOCK_TOKENS;

    private final PrefixRouter router = new PrefixRouter(3);
    private final int[] sequences = new int[3];
    private final long[] freeKv = {100, 100, 100};

    @Test
    void aSequenceGoesWhereItsBeginningIs() {
        int[] document = tokens(10 * BLOCK, 1);
        sequences[0] = 1;
        assertThat(choose("base", document)).isEqualTo(1);
        sequences[1] = 5;
        assertThat(choose("base", document)).isEqualTo(1);
        assertThat(choose("base", joined(document, tokens(7, 2))))
                .as("a question on it")
                .isEqualTo(1);
        assertThat(choose("base", joined(Arrays.copyOf(document, 3 * BLOCK), tokens(500, 3))))
                .as("another end")
                .isEqualTo(1);
    }

    @Test
    void theLongerBeginningWins() {
        int[] shared = tokens(2 * BLOCK, 1);
        int[] one = joined(shared, tokens(2 * BLOCK, 2));
        int[] other = joined(shared, tokens(2 * BLOCK, 3));
        sequences[1] = 1;
        sequences[2] = 1;
        assertThat(choose("base", one)).isZero();
        sequences[0] = 9; // full
        assertThat(choose("base", other)).isEqualTo(1);
        sequences[0] = 0;
        assertThat(choose("base", joined(other, tokens(9, 4)))).isEqualTo(1);
        assertThat(choose("base", joined(one, tokens(9, 5)))).isZero();
    }

    @Test
    void otherStacksAndOtherBeginningsGoToWhoHasLeastToDo() {
        int[] document = tokens(4 * BLOCK, 1);
        assertThat(choose("base", document)).isZero();
        sequences[0] = 1;
        sequences[1] = 1;
        assertThat(choose("edited", document)).isEqualTo(2);
        int[] changed = document.clone();
        changed[0]++;
        assertThat(choose("base", changed)).isEqualTo(2);
        assertThat(choose("base", tokens(BLOCK - 1, 7)))
                .as("too short to remember")
                .isEqualTo(2);
    }

    @Test
    void amongEquallyBusyEnginesTheOneWithMoreRoomIsTaken() {
        freeKv[1] = 200;
        assertThat(choose("base", tokens(5, 1))).isEqualTo(1);
    }

    @Test
    void aFullEngineLosesItsClaimWhileAnotherIsNot() {
        int[] system = tokens(4 * BLOCK, 1);
        assertThat(choose("base", system)).isZero();
        sequences[0] = 8;
        int next = choose("base", system);
        assertThat(next).isEqualTo(1);
        Arrays.fill(sequences, 8);
        sequences[0] = 20;
        assertThat(choose("base", tokens(4 * BLOCK, 2)))
                .as("all are full: the least busy")
                .isNotZero();
    }

    @Test
    void whatWasSentLongestAgoIsForgotten() {
        PrefixRouter single = new PrefixRouter(2);
        int[] first = tokens(BLOCK, 1);
        List<PrefixRouter.Load> zero = loads(0, 5);
        assertThat(single.choose("base", first, zero)).isZero();
        for (int i = 0; i < 70; i++) {
            var _ = single.choose("base", tokens(1000 * BLOCK, 100 + i), zero);
        }
        assertThat(single.choose("base", first, loads(5, 0))).isEqualTo(1);
    }

    private int choose(Object base, int[] prompt) {
        List<PrefixRouter.Load> loads = new ArrayList<>();
        for (int i = 0; i < sequences.length; i++) {
            loads.add(new PrefixRouter.Load(sequences[i], 8, freeKv[i]));
        }
        return router.choose(base, prompt, loads);
    }

    private static List<PrefixRouter.Load> loads(int first, int second) {
        return List.of(new PrefixRouter.Load(first, 8, 0), new PrefixRouter.Load(second, 8, 0));
    }

    private static int[] tokens(int count, long seed) {
        return new Random(seed).ints(count, 0, 32_000).toArray();
    }

    private static int[] joined(int[] one, int[] other) {
        return IntStream.concat(Arrays.stream(one), Arrays.stream(other)).toArray();
    }
}
