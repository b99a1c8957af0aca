package dev.slayer.server.engine.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.server.engine.Stack;
import dev.slayer.server.engine.StackCost;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.onnx.Handles;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Layout;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Blocks are made once, shared, counted, bounded, and gone when nobody wants them. */
class BlockStoreTest {
    private static final int[] IDS = {1, 40, 50, 60, 70};
    private static OnnxRuntime runtime;
    private Checkpoint checkpoint;
    private long handles;

    @BeforeAll
    static void open() {
        runtime = OnnxRuntime.open(2);
    }

    @AfterAll
    static void close() {
        runtime.close();
    }

    @BeforeEach
    void openCheckpoint() {
        handles = Handles.live();
        checkpoint = Checkpoint.open(Golden.checkpoint("slayer-tiny"));
    }

    @AfterEach
    void everyHandleIsReleased() {
        checkpoint.close();
        assertThat(Handles.live()).isEqualTo(handles);
    }

    private Rig rig(long blocks, Duration idle) {
        long bytes = WeightType.FP32.bytes(checkpoint.config().parameters().layer());
        DerivedBlocks limits = new DerivedBlocks(blocks * bytes, idle);
        return new Rig(new BlockStore(new BlockCompiler(runtime), limits), runtime, checkpoint, WeightType.FP32, 64);
    }

    private Rig rig(long blocks) {
        return rig(blocks, Duration.ofHours(1));
    }

    private Layout layout(String text) {
        return Layout.parse(text, checkpoint.config(), name -> Optional.of(checkpoint.config()));
    }

    private static void awaitBlocks(Rig rig, int blocks) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (rig.store.use().blocks() != blocks) {
            assertThat(System.nanoTime()).as("%s", rig.store.use()).isLessThan(deadline);
            Thread.onSpinWait();
        }
    }

    @Test
    void aStackWithoutAnySlotThatAddsIsStillAModel() {
        try (Rig rig = rig(0)) {
            float[][] logits = rig.logits(layout("zero(0)"), IDS, 2);
            assertThat(logits[0]).hasSize(checkpoint.config().vocabularySize()).doesNotContain(Float.NaN);
            assertThat(rig.pool.usedBytes()).isZero();
        }
    }

    @Test
    void aDerivedBlockIsMadeOnceAndSharedByAllLayouts() {
        try (Rig rig = rig(1)) {
            Layout one = layout("0-7,avg(7:8),8-11");
            Layout other = layout("0-3,avg(8:7),4-11,avg(7:8)*0.5");
            try (Stack first = rig.runner.prepare(one).join();
                    Stack second = rig.runner.prepare(other).join()) {
                assertThat(rig.store.use().blocks()).isEqualTo(1);
                assertThat(first.layout()).isNotEqualTo(second.layout());
                StackCost cost = rig.runner.cost(other);
                assertThat(cost.residentBytes())
                        .isEqualTo(cost.derivedBytes())
                        .isEqualTo(rig.store.use().bytes())
                        .isPositive();
            }
        }
    }

    @Test
    void anIdleBlockLeavesAfterAWhileAndOneInUseStays() {
        try (Rig rig = rig(2, Duration.ofMillis(20))) {
            Stack used = rig.runner.prepare(layout("0,avg(0:1)")).join();
            rig.runner.prepare(layout("0,avg(2:3)")).join().close();
            awaitBlocks(rig, 1);
            assertThat(rig.runner.cost(layout("avg(0:1)")).residentBytes()).isPositive();
            assertThat(rig.runner.cost(layout("avg(2:3)")).residentBytes()).isZero();
            used.close();
            used.close(); // counts once
            awaitBlocks(rig, 0);
            assertThat(rig.store.use().bytes()).isZero();
        }
    }

    @Test
    void anIdleBlockMakesRoomForANewOneLongestIdleFirst() {
        try (Rig rig = rig(2)) {
            rig.runner.prepare(layout("avg(0:1)")).join().close();
            rig.runner.prepare(layout("avg(1:2)")).join().close();
            rig.runner.prepare(layout("avg(0:1)")).join().close(); // now avg(1:2) is idle for longer
            rig.runner.prepare(layout("avg(2:3)")).join().close();
            assertThat(rig.store.use().blocks()).isEqualTo(2);
            assertThat(rig.runner.cost(layout("avg(0:1)")).residentBytes()).isPositive();
            assertThat(rig.runner.cost(layout("avg(1:2)")).residentBytes()).isZero();
        }
    }

    @Test
    void aLayoutOverTheBudgetIsRefusedWithTheNumbersAndHurtsNobody() {
        try (Rig rig = rig(2)) {
            long bytes = WeightType.FP32.bytes(checkpoint.config().parameters().layer());
            float[][] expected;
            try (Stack held = rig.runner.prepare(layout("0,avg(0:1),avg(1:2)")).join()) {
                expected = rig.logits(held.layout(), IDS, 64);
                assertThatThrownBy(() -> rig.runner.prepare(layout("0,avg(1:2),avg(4:5),avg(5:6)")))
                        .isInstanceOfSatisfying(SlayerException.class, e -> {
                            assertThat(e.status()).isEqualTo(507);
                            assertThat(e.code()).isEqualTo("derived_blocks_memory_exhausted");
                        })
                        .hasMessageContaining("needs " + 3 * bytes + " bytes")
                        .hasMessageContaining("may take " + 2 * bytes + " bytes")
                        .hasMessageContaining("hold " + bytes + " now")
                        .hasMessageContaining("--derived-blocks-memory");
                assertThat(rig.store.use().blocks()).isEqualTo(2);
                assertThat(rig.logits(held.layout(), IDS, 64)).isEqualTo(expected);
            }
            rig.runner.prepare(layout("0,avg(0:1),avg(5:6)")).join().close(); // room now: nobody holds avg(1:2)
            assertThatThrownBy(() -> rig.runner.prepare(layout("avg(0:1),avg(1:2),avg(2:3)")))
                    .isInstanceOf(SlayerException.class)
                    .hasMessageContaining("hold 0 now");
        }
    }

    @Test
    void aBlockThatCannotBeMadeFailsItsRequestAndIsTriedAgain() {
        try (Rig rig = rig(4)) {
            Checkpoint other = Checkpoint.open(Golden.checkpoint("slayer-tiny"));
            LoadedCheckpoint loaded = rig.store.add("other", other, WeightType.FP32);
            other.close(); // its tensors cannot be read any more: a device that fails
            CompletableFuture<Stack> broken = rig.runner.prepare(layout("0,avg(1:other:1)"));
            assertThat(broken).failsWithin(Duration.ofSeconds(60));
            assertThat(rig.store.use())
                    .isEqualTo(new DerivedBlocks.Use(0, 0, rig.store.use().maxBytes()));
            assertThat(rig.runner.prepare(layout("0,avg(1:other:1)"))).failsWithin(Duration.ofSeconds(60));
            rig.runner.prepare(layout("0,avg(1:2)")).join().close();
            rig.store.retire(loaded).join();
        }
    }

    @Test
    void aRetiredCheckpointGoesWhenTheLastStackThatUsesItCloses() {
        try (Rig rig = rig(4);
                Checkpoint other = Checkpoint.open(Golden.checkpoint("slayer-tiny"))) {
            long before = Handles.live();
            LoadedCheckpoint loaded = rig.store.add("other", other, WeightType.FP32);
            Stack plain = rig.runner.prepare(layout("0,other:3")).join();
            Stack merged =
                    rig.runner.prepare(layout("0,linear(2*0.5:other:3*0.5)")).join();
            float[][] expected = rig.logits(plain.layout(), IDS, 64);
            CompletableFuture<Void> retired = rig.store.retire(loaded);
            assertThatThrownBy(() -> rig.runner.prepare(layout("0,other:3")))
                    .isInstanceOf(SlayerException.class)
                    .hasMessageContaining("'other' is not loaded; there are base");
            assertThat(retired).isNotDone();
            plain.close();
            assertThat(retired).isNotDone();
            merged.close();
            assertThat(retired).succeedsWithin(Duration.ofSeconds(60));
            assertThat(Handles.live()).isEqualTo(before);
            LoadedCheckpoint again = rig.store.add("other", other, WeightType.FP32);
            assertThat(rig.logits(layout("0,other:3"), IDS, 64)).isEqualTo(expected);
            rig.store.retire(again).join();
        }
    }

    @Test
    void aRunnerClosedWhileABlockIsBeingMadeWaitsForIt() {
        try (Rig rig = rig(4)) {
            CompletableFuture<Stack> making = rig.runner.prepare(layout("0,avg(1:2),avg(2:3),avg(3:4)"));
            CompletableFuture<Void> closed = making.thenAccept(Stack::close);
            rig.runner.close();
            assertThat(closed).isDone();
            assertThat(rig.store.use().blocks()).isZero();
        }
    }
}
