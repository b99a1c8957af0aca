package dev.slayer.server.engine.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.slayer.server.golden.Golden;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.RopeConfig;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.Test;

class MemoryPlanTest {
    private static final long GIB = 1L << 30;

    /** The shape of Llama-3-8B: 8,030,261,248 parameters. */
    private static final ModelConfig LLAMA_8B = new ModelConfig(
            "LlamaForCausalLM",
            4096,
            32,
            32,
            8,
            128,
            14_336,
            128_256,
            8192,
            1e-5f,
            rope(),
            OptionalInt.empty(),
            false,
            OptionalInt.empty(),
            Set.of());

    @Test
    void weightsOnTheProcessorAreTheParametersButForTheMappedEmbedding() {
        MemoryPlan plan = MemoryPlan.of(MemoryPlan.Place.host(64 * GIB), demand(OptionalLong.of(GIB)));
        assertThat(plan.shares().getFirst().what()).isEqualTo("weights of llama, fp32");
        assertThat(plan.shares().getFirst().bytes())
                .isEqualTo(4
                        * (LLAMA_8B.parameters().total() - LLAMA_8B.parameters().embedding() - 4096));
        assertThat(plan.kvBytes()).isEqualTo(GIB);
        assertThat(plan.warning()).isEmpty();
    }

    @Test
    void smallWeightsTakeLess() {
        MemoryDemand four = new MemoryDemand(
                Map.of("llama", LLAMA_8B), WeightType.INT4, 512, 0, GIB, OptionalLong.of(GIB), GIB, GIB);
        MemoryPlan plan = MemoryPlan.of(MemoryPlan.Place.host(64 * GIB), four);
        assertThat(plan.shares().getFirst().bytes()).isBetween(4 * GIB, 5 * GIB);
    }

    @Test
    void aDevicesKvIsWhatIsLeft() {
        MemoryPlan.Place place = new MemoryPlan.Place("cuda:0 (A)", true, 80 * GIB, 78 * GIB, 2);
        MemoryPlan plan = MemoryPlan.of(place, demand(OptionalLong.empty()));
        assertThat(plan.shares().stream().mapToLong(MemoryPlan.Share::bytes).sum())
                .isEqualTo(78 * GIB);
        assertThat(plan.kvBytes()).isBetween(30 * GIB, 44 * GIB);
        assertThat(plan.lines().getFirst()).isEqualTo("Memory of cuda:0 (A): 80.0 GiB, of which 78.0 GiB are free");
        assertThat(plan.lines())
                .anyMatch(line -> line.matches(" {2}reserve +4\\.0 GiB +5\\.0 %"))
                .anyMatch(line -> line.matches(" {2}derived blocks, at most +1\\.0 GiB +1\\.3 %"))
                .anyMatch(line -> line.matches(" {2}left +0 B +0\\.0 %"));
    }

    @Test
    void kvIsNoMoreThanCanBeReachedThereAndMoreIsRefused() {
        MemoryPlan.Place place = new MemoryPlan.Place("cuda:0 (A)", true, 80 * GIB, 78 * GIB, 2, 8 * GIB);
        MemoryPlan plan = MemoryPlan.of(place, demand(OptionalLong.empty()));
        assertThat(plan.kvBytes()).isEqualTo(8 * GIB);
        assertThat(plan.lines())
                .anyMatch(
                        line -> line.matches(
                                " {2}KV of running sequences \\(ONNX Runtime before 1.29 reaches no more\\), at most +8\\.0 GiB .*"));
        assertThat(MemoryPlan.of(place, demand(OptionalLong.of(8 * GIB))).kvBytes())
                .isEqualTo(8 * GIB);
        assertThatExceptionOfType(SlayerException.class)
                .isThrownBy(() -> MemoryPlan.of(place, demand(OptionalLong.of(9 * GIB))))
                .satisfies(e -> assertThat(e.code()).isEqualTo("memory_exhausted"))
                .withMessageContaining("9.0 GiB are to be KV, and ONNX Runtime before 1.29 reaches 8.0 GiB of it")
                .withMessageContaining("Take a smaller --kv-memory, or ONNX Runtime 1.29 or newer");
    }

    @Test
    void whatDoesNotFitOnADeviceIsRefusedWithTheNumbers() {
        MemoryPlan.Place place = new MemoryPlan.Place("cuda:0 (A)", true, 80 * GIB, 78 * GIB, 2);
        assertThatExceptionOfType(SlayerException.class)
                .isThrownBy(() -> MemoryPlan.of(place, demand(OptionalLong.of(60 * GIB))))
                .satisfies(e -> assertThat(e.status()).isEqualTo(507))
                .satisfies(e -> assertThat(e.code()).isEqualTo("memory_exhausted"))
                .withMessageContaining("cuda:0 (A) has 78.0 GiB of memory; ")
                .withMessageContaining("--kv-memory")
                .withMessageContaining("KV of running sequences, at most")
                .withMessageContaining("more than there is");
        MemoryPlan.Place small = new MemoryPlan.Place("cuda:0 (B)", true, 34 * GIB, 33 * GIB, 2);
        assertThatExceptionOfType(SlayerException.class)
                .as("nothing is left for KV")
                .isThrownBy(() -> MemoryPlan.of(small, demand(OptionalLong.empty())));
    }

    @Test
    void trainingOnADeviceTakesFromItsKv() {
        MemoryPlan.Place place = new MemoryPlan.Place("cuda:0 (A)", true, 80 * GIB, 78 * GIB, 2);
        MemoryDemand without = demand(OptionalLong.empty());
        MemoryDemand with = new MemoryDemand(
                without.models(), without.type(), without.maxRows(), 0, GIB, OptionalLong.empty(), GIB, 21 * GIB);
        MemoryPlan plan = MemoryPlan.of(place, with);
        assertThat(plan.kvBytes()).isEqualTo(MemoryPlan.of(place, without).kvBytes() - 20 * GIB);
        assertThat(plan.lines()).anyMatch(line -> line.matches(" {2}training, at most +21\\.0 GiB +26\\.3 %"));
    }

    @Test
    void aDeviceForTrainingAloneHoldsTheBudgetOrIsRefusedWithTheNumbers() {
        MemoryPlan.Place place = new MemoryPlan.Place("cuda:1", true, 80 * GIB, 50 * GIB, 2);
        assertThat(MemoryPlan.ofTraining(place, 40 * GIB).lines())
                .containsExactly(
                        "Memory of cuda:1: 80.0 GiB, of which 50.0 GiB are free",
                        "  training, at most   40.0 GiB  50.0 %",
                        "  reserve              4.0 GiB   5.0 %",
                        "  left                 6.0 GiB   7.5 %");
        assertThatExceptionOfType(SlayerException.class)
                .isThrownBy(() -> MemoryPlan.ofTraining(place, 47 * GIB))
                .satisfies(e -> assertThat(e.code()).isEqualTo("memory_exhausted"))
                .withMessageStartingWith(
                        "cuda:1 has 50.0 GiB of memory; 51.0 GiB are needed. Take a smaller" + " --training-memory.\n");
    }

    @Test
    void onTheProcessorOnlyTheImpossibleIsRefusedAndTheRestIsWarnedOf() {
        MemoryPlan tight = MemoryPlan.of(MemoryPlan.Place.host(34 * GIB), demand(OptionalLong.of(10 * GIB)));
        assertThat(tight.warning().orElseThrow()).contains("are needed and cpu has 34.0 GiB");
        assertThatExceptionOfType(SlayerException.class)
                .isThrownBy(() -> MemoryPlan.of(MemoryPlan.Place.host(24 * GIB), demand(OptionalLong.of(GIB))))
                .withMessageContaining("cpu has 24.0 GiB of memory");
    }

    @Test
    void theWorkspaceGrowsWithTheStepAndHoldsTheLogits() {
        MemoryDemand small = demand(OptionalLong.empty());
        MemoryDemand large =
                new MemoryDemand(small.models(), small.type(), 2 * small.maxRows(), 0, 0, OptionalLong.empty(), 0, 0);
        long logits = 4L * 256 * 128_256 * Float.BYTES;
        assertThat(small.workspaceBytes(LLAMA_8B, 2)).isGreaterThan(logits);
        assertThat(large.workspaceBytes(LLAMA_8B, 2) - logits)
                .isEqualTo(2 * (small.workspaceBytes(LLAMA_8B, 2) - logits));
    }

    @Test
    void quantizedKeysAndValuesAreWidenedInPlannedMemoryOfTheContextAtLeast() {
        MemoryDemand plain = demand(OptionalLong.empty());
        for (int staged : new int[] {1 << 14, 1 << 20}) {
            MemoryDemand quantized = new MemoryDemand(
                    plain.models(), plain.type(), plain.maxRows(), staged, 0, OptionalLong.empty(), 0, 0);
            long rows = Math.max(staged, LLAMA_8B.contextLength());
            assertThat(quantized.workspaceBytes(LLAMA_8B, 2) - plain.workspaceBytes(LLAMA_8B, 2))
                    .as("keys and values, in powers of two rows")
                    .isEqualTo(2 * 2 * rows * LLAMA_8B.kvWidth() * 2);
        }
    }

    @Test
    void aTiedHeadIsTheEmbeddingOnADevice() {
        ModelConfig tied = ModelConfig.read(Golden.checkpoint("random-llama3"));
        assertThat(tied.tiedEmbeddings()).isTrue();
        MemoryDemand demand =
                new MemoryDemand(Map.of("tiny", tied), WeightType.FP32, 64, 0, 0, OptionalLong.empty(), 0, 0);
        assertThat(demand.weightBytes(tied, true, 4))
                .isEqualTo(4 * (tied.parameters().total() - tied.hiddenSize()));
    }

    private static MemoryDemand demand(OptionalLong kv) {
        return new MemoryDemand(Map.of("llama", LLAMA_8B), WeightType.FP32, 512, 0, GIB, kv, GIB, GIB);
    }

    private static RopeConfig rope() {
        return ModelConfig.read(Golden.checkpoint("slayer-tiny")).rope();
    }
}
