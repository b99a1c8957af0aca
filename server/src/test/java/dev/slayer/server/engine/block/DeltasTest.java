package dev.slayer.server.engine.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.slayer.server.engine.Logits;
import dev.slayer.server.engine.Stack;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.golden.GoldenDelta;
import dev.slayer.server.golden.GoldenLayouts;
import dev.slayer.server.onnx.Handles;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.CheckpointHash;
import dev.slayer.surgery.delta.Delta;
import dev.slayer.surgery.export.CheckpointExport;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Namespace;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** What was trained runs beside its base: the numbers are those of transformers, of the export, and of any company in the step. */
class DeltasTest {
    static final List<String> NAMES = GoldenDelta.NAMES;
    private static final int MAX_ROWS = GoldenRig.MAX_ROWS;
    private static OnnxRuntime runtime;

    @BeforeAll
    static void open() {
        runtime = OnnxRuntime.open(2);
    }

    @AfterAll
    static void close() {
        runtime.close();
    }

    /** A delta called d over its base. */
    private static final class DeltaRig implements AutoCloseable {
        final GoldenDelta golden;
        final Checkpoint base;
        final Delta delta;
        final Checkpoint over;
        final Rig rig;
        final LoadedCheckpoint lent;

        DeltaRig(String name, DerivedBlocks limits) {
            this(name, limits, WeightType.FP32);
        }

        DeltaRig(String name, DerivedBlocks limits, WeightType type) {
            golden = GoldenDelta.of(name);
            base = Checkpoint.open(Golden.checkpoint(golden.base()));
            delta = Delta.open(golden.folder(), base.config(), Namespace.BASE_ONLY);
            over = delta.over(_ -> base);
            rig = new Rig(new BlockStore(new BlockCompiler(runtime), limits), runtime, base, type, MAX_ROWS);
            lent = rig.store.lend("d", over, delta.layout(), type);
        }

        DeltaRig(String name) {
            this(name, DerivedBlocks.DEFAULTS);
        }

        Layout layout(String text) {
            return Layout.parse(
                    text,
                    base.config(),
                    name -> Optional.of(name).filter("d"::equals).map(_ -> delta.config()));
        }

        Checkpoint source(String name) {
            return name.isEmpty() ? base : over;
        }

        @Override
        public void close() {
            rig.runner.close();
            rig.store.retire(lent).join();
            rig.close();
            delta.close();
            base.close();
        }
    }

    @ParameterizedTest
    @FieldSource("NAMES")
    void logProbabilitiesAndGreedyTokensEqualTransformers(String name) {
        try (DeltaRig served = new DeltaRig(name)) {
            assertThat(CheckpointHash.of(served.base)).isEqualTo(served.golden.hash());
            Layout layout = served.delta.served("d");
            assertThat(served.layout(layout.text())).isEqualTo(layout);
            for (GoldenLayouts.Answer answer : served.golden.answers()) {
                float[][] logits = served.rig.logits(layout, answer.ids(), MAX_ROWS);
                for (int position = 1; position < answer.ids().length; position++) {
                    assertThat(Logits.logprob(logits[position - 1], answer.ids()[position]))
                            .as("%s, %s, position %d", name, answer.prompt(), position)
                            .isCloseTo(answer.logprobs()[position], within(1e-3));
                }
                assertThat(argmax(logits[answer.ids().length - 1])).isEqualTo(answer.greedy()[0]);
            }
        }
    }

    private static int argmax(float[] values) {
        int best = 0;
        for (int i = 1; i < values.length; i++) {
            if (values[i] > values[best]) {
                best = i;
            }
        }
        return best;
    }

    @ParameterizedTest
    @FieldSource("NAMES")
    void servedInMemoryEqualsItsExportServedAsABase(String name, @TempDir Path folder) {
        try (DeltaRig served = new DeltaRig(name)) {
            Layout layout = served.delta.served("d");
            int[] ids = served.golden.answers().getFirst().ids();
            float[][] expected = served.rig.logits(layout, ids, MAX_ROWS);
            Path target = folder.resolve("export");
            new CheckpointExport(target, 1 << 20, name, "test")
                    .write(served.base, layout, served::source, (done, of) -> {});
            try (Checkpoint exported = Checkpoint.open(target);
                    Rig rig = new Rig(runtime, exported, WeightType.FP32, MAX_ROWS)) {
                assertThat(exported.config().layers()).isEqualTo(layout.depth());
                float[][] actual = rig.logits(rig.identity(), ids, MAX_ROWS);
                assertSame(actual, expected, ids);
            }
        }
    }

    @Test
    void inEightBitsItIsItsExportInEightBits(@TempDir Path folder) {
        try (DeltaRig served = new DeltaRig("mistral", DerivedBlocks.DEFAULTS, WeightType.INT8)) {
            Layout layout =
                    served.layout("0,d:1-2,2,norm(d),head(d)"); // no scale: it would be in the quantized weights
            int[] ids = served.golden.answers().getLast().ids();
            float[][] expected = served.rig.logits(layout, ids, MAX_ROWS);
            Path target = folder.resolve("export");
            new CheckpointExport(target, 1 << 20, "mistral", "test")
                    .write(served.base, layout, served::source, (done, of) -> {});
            try (Checkpoint exported = Checkpoint.open(target);
                    Rig rig = new Rig(runtime, exported, WeightType.INT8, MAX_ROWS)) {
                assertSame(rig.logits(rig.identity(), ids, MAX_ROWS), expected, ids);
            }
        }
    }

    private static void assertSame(float[][] actual, float[][] expected, int[] ids) {
        for (int position = 1; position < ids.length; position++) {
            assertThat(Logits.logprob(actual[position - 1], ids[position]))
                    .as("position %d", position)
                    .isCloseTo(Logits.logprob(expected[position - 1], ids[position]), within(1e-4));
        }
    }

    @ParameterizedTest
    @FieldSource("NAMES")
    void allWaysToTakeOfADeltaInOneStepGiveWhatEachGivesAlone(String name) {
        try (DeltaRig served = new DeltaRig(name)) {
            String base = served.rig.identity().text();
            boolean tied = served.base.config().tiedEmbeddings();
            List<Layout> layouts = new ArrayList<>();
            for (String text : List.of(
                    base,
                    served.delta.served("d").text(),
                    base + ",embedding(d)",
                    base + ",norm(d)",
                    base,
                    base + (tied ? ",embedding(d),norm(d)" : ",head(d)"),
                    "0,d:1,avg(1:d:2)",
                    served.delta.served("d").text())) {
                layouts.add(served.layout(text));
            }
            List<int[]> prompts = new ArrayList<>();
            int[] ids = served.golden.answers().getFirst().ids();
            for (int i = 0; i < layouts.size(); i++) {
                prompts.add(Arrays.copyOf(ids, 9 + 3 * i));
            }
            float[][][] together = served.rig.together(layouts, prompts);
            for (int i = 0; i < layouts.size(); i++) {
                float[][] alone = served.rig.logits(layouts.get(i), prompts.get(i), MAX_ROWS);
                assertSame(together[i], alone, prompts.get(i));
            }
        }
    }

    @Test
    void baseAndDeltaShareTheLayersThatTheyHaveInCommon() {
        try (DeltaRig served = new DeltaRig("mistral")) {
            int[] ids = served.golden.answers().getFirst().ids();
            Layout inserted = served.layout("0,d:1,1-2"); // d:1 is made of layers 0 and 1
            served.rig.together(List.of(served.rig.identity(), inserted), List.of(ids, ids));
            assertThat(served.rig.runner.turns()).isEqualTo(4);
        }
    }

    @Test
    void blocksAndHeadsOfADeltaAreMadeOnceCountedAndGone() {
        long handles = Handles.live();
        try (DeltaRig served = new DeltaRig("mistral")) {
            long before = Handles.live();
            Layout layout = served.delta.served("d");
            assertThat(served.rig.store.use().blocks()).isZero();
            try (Stack one = served.rig.runner.prepare(layout).join();
                    Stack other = served.rig.runner.prepare(layout).join()) {
                assertThat(one.path()).isEqualTo(other.path());
                assertThat(served.rig.store.use().blocks()).isEqualTo(4); // three slots and the head
                long block =
                        WeightType.FP32.bytes(served.base.config().parameters().layer());
                long head =
                        WeightType.FP32.bytes(served.base.config().parameters().embedding());
                assertThat(served.rig.store.use().bytes()).isEqualTo(3 * block + head);
                assertThat(served.rig.runner.cost(layout).derivedBytes()).isEqualTo(3 * block + head);
            }
            served.rig.logits(layout, new int[] {1, 2, 3}, 2);
            assertThat(served.rig.pool.usedBytes()).isZero();
            served.rig.store.retire(served.lent).join();
            assertThat(served.rig.store.use().blocks()).isZero();
            assertThat(served.rig.store.use().bytes()).isZero();
            assertThat(Handles.live()).isEqualTo(before);
            assertThatThrownBy(() -> served.rig.runner.prepare(layout)).hasMessageContaining("'d' is not loaded");
            assertThatThrownBy(() -> served.rig.runner.prepare(
                            new Layout(served.rig.identity().slots(), layout.ends())))
                    .hasMessageContaining("'d' is not loaded");
        }
        assertThat(Handles.live()).isEqualTo(handles);
    }

    @Test
    void aDeltaStaysUntilTheLastStackThatTakesAnythingOfItCloses() {
        try (DeltaRig served = new DeltaRig("llama3")) {
            Stack stack =
                    served.rig.runner.prepare(served.layout("0-3,embedding(d)")).join();
            CompletableFuture<Void> retired = served.rig.store.retire(served.lent);
            assertThat(retired).isNotDone();
            stack.close();
            assertThat(retired).succeedsWithin(Duration.ofSeconds(60));
            assertThat(served.rig.store.use().bytes()).isZero();
        }
    }

    @Test
    void aDeltaOverTheBudgetIsRefused() {
        try (DeltaRig served = new DeltaRig("mistral", new DerivedBlocks(1000, Duration.ofHours(1)))) {
            assertThatThrownBy(() -> served.rig.runner.prepare(served.layout("0-2,head(d)")))
                    .isInstanceOfSatisfying(
                            SlayerException.class,
                            e -> assertThat(e.code()).isEqualTo("derived_blocks_memory_exhausted"));
            // An embedding is read where it lies: it has no such cost.
            served.rig.runner.prepare(served.layout("0-2,embedding(d)")).join().close();
        }
    }

    @Test
    void pathsTellEmbeddingsAndHeadsApart() {
        try (DeltaRig served = new DeltaRig("mistral")) {
            List<Stack> stacks = new ArrayList<>();
            for (String text :
                    List.of("0-2", "0-2,embedding(d)", "0-2,norm(d)", "0-2,head(d)", "0-2,norm(d),head(d)")) {
                stacks.add(served.rig.runner.prepare(served.layout(text)).join());
            }
            assertThat(stacks.stream().map(Stack::path).distinct()).hasSize(5);
            stacks.forEach(Stack::close);
        }
    }

    @Test
    void theHeadOfAnotherCheckpointIsItsOwnInMemory() {
        try (Checkpoint base = Checkpoint.open(Golden.checkpoint("random-llama2"));
                Checkpoint other = Checkpoint.open(Golden.checkpoint("random-llama2-b"));
                Rig rig = new Rig(runtime, base, WeightType.FP32, MAX_ROWS)) {
            LoadedCheckpoint loaded = rig.store.add("b", other, WeightType.FP32);
            Layout all =
                    Layout.parse("b:0-2,embedding(b),norm(b),head(b)", base.config(), _ -> Optional.of(other.config()));
            int[] ids = {1, 40, 50, 60, 70};
            float[][] merged = rig.logits(all, ids, MAX_ROWS);
            assertThat(rig.runner.cost(all).derivedBytes()).isZero();
            try (Rig alone = new Rig(runtime, other, WeightType.FP32, MAX_ROWS)) {
                assertThat(merged).isEqualTo(alone.logits(alone.identity(), ids, MAX_ROWS));
            }
            rig.runner.close();
            rig.store.retire(loaded).join();
        }
    }
}
