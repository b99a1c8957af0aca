package dev.slayer.surgery.delta;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.CheckpointHash;
import dev.slayer.surgery.checkpoint.DType;
import dev.slayer.surgery.checkpoint.Float32Source;
import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.Tensor;
import dev.slayer.surgery.checkpoint.TensorNames;
import dev.slayer.surgery.recipe.RecipeTensors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class DeltaTest {
    private static final String LAYOUT = "0-1,avg(1:2),2*0.5";

    @TempDir
    Path folder;

    private DeltaRig rig;

    @BeforeEach
    void open() {
        rig = new DeltaRig("random-mistral");
    }

    @AfterEach
    void close() {
        rig.close();
    }

    @ParameterizedTest
    @EnumSource(DType.class)
    void whatIsWrittenIsReadAgain(DType dtype) {
        Path target = folder.resolve("math");
        DeltaInfo info = rig.info(LAYOUT, Set.of(2));
        List<DeltaWriter.Named> tensors = new ArrayList<>(rig.block(2));
        tensors.add(DeltaRig.named(TensorNames.HEAD, 5, 640L, 64L));
        rig.writer().write(target, info, tensors, dtype);
        try (Delta delta = rig.open(target);
                Arena arena = Arena.ofConfined()) {
            assertThat(delta.info()).isEqualTo(info);
            assertThat(delta.layout().text()).isEqualTo(LAYOUT);
            assertThat(delta.mergeable()).isTrue();
            assertThat(delta.names()).hasSize(10);
            for (DeltaWriter.Named tensor : tensors) {
                Tensor rounded = RecipeTensors.copy("expected", tensor.values(), dtype, arena);
                Tensor read = delta.tensor(tensor.name());
                assertThat(read.dtype()).isEqualTo(dtype);
                assertThat(read.data().mismatch(rounded.data()))
                        .as(tensor.name())
                        .isEqualTo(-1);
            }
            assertThat(delta.served("math").text()).isEqualTo("0-1,math:2,2*0.5,head(math)");
            delta.requireBase(rig.base);
        }
        assertThat(folder.toFile().list()).containsExactly("math");
    }

    @Test
    void aLayerOfADeltaIsItsTrainedTensorsOrElseTheLayoutsRecipe() {
        List<DeltaWriter.Named> tensors = new ArrayList<>(rig.block(1).subList(0, 3));
        tensors.add(DeltaRig.named(TensorNames.FINAL_NORM, 5, 64L));
        rig.writer().write(folder.resolve("d"), rig.info(LAYOUT, Set.of(1)), tensors, DType.F32);
        try (Delta delta = rig.open(folder.resolve("d"))) {
            Checkpoint over = delta.over(name -> rig.base);
            assertThat(over.config()).isEqualTo(rig.config().withLayers(4));
            assertThat(over.tensor(LayerTensor.QUERY.name(1)).data())
                    .isEqualTo(delta.tensor(LayerTensor.QUERY.name(1)).data());
            // not trained: slot 1 is layer 1, slot 3 is layer 2, slot 2 a mean
            assertThat(over.tensor(LayerTensor.DOWN.name(1)).data())
                    .isEqualTo(rig.base.tensor(LayerTensor.DOWN.name(1)).data());
            assertThat(over.tensor(LayerTensor.DOWN.name(3)).data())
                    .isEqualTo(rig.base.tensor(LayerTensor.DOWN.name(2)).data());
            Float32Source mean =
                    RecipeTensors.read(delta.layout().slots().get(2).recipe(), LayerTensor.UP, name -> rig.base);
            assertThat(Random32.floats(over.tensor(LayerTensor.UP.name(2)))).isEqualTo(Random32.floats(mean));
            assertThat(over.tensor(TensorNames.FINAL_NORM).dtype()).isEqualTo(DType.F32);
            assertThat(over.tensor(TensorNames.HEAD).data())
                    .isEqualTo(rig.base.tensor(TensorNames.HEAD).data());
            assertThatThrownBy(() -> over.source(LayerTensor.UP.name(4))).hasMessageContaining("has no tensor");
            assertThatThrownBy(() -> over.source("model.layers.0.self_attn.q_proj.bias"))
                    .hasMessageContaining("has no tensor");
        }
    }

    @Test
    void factorsAreAddedToTheRecipeInFloat32AndRoundedOnce() {
        LayerTensor matrix = LayerTensor.GATE;
        List<DeltaWriter.Named> tensors = new ArrayList<>(rig.factors(2, matrix, 5, true));
        tensors.addAll(rig.factors(0, LayerTensor.QUERY, 3, false));
        DeltaInfo info = rig.info(LAYOUT, Set.of(0, 2), Optional.of(DeltaRig.alpha(16)));
        rig.writer().write(folder.resolve("d"), info, tensors, DType.F32);
        try (Delta delta = rig.open(folder.resolve("d"))) {
            Checkpoint over = delta.over(name -> rig.base);
            float[] w = Random32.floats(
                    RecipeTensors.read(delta.layout().slots().get(2).recipe(), matrix, name -> rig.base));
            float[] a = Random32.floats(tensors.get(0).values());
            float[] b = Random32.floats(tensors.get(1).values());
            float[] e = Random32.floats(tensors.get(2).values());
            Float32Source sum = over.source(matrix.name(2));
            assertThat(sum.dtype()).isEqualTo(DType.BF16);
            float[] got = Random32.floats(sum);
            int out = 128;
            int in = 64;
            for (int row = 0; row < out; row++) {
                for (int column = 0; column < in; column++) {
                    double exact = w[row * in + column];
                    for (int r = 0; r < 5; r++) {
                        exact += 16.0 / 5 * b[row * 5 + r] * e[r] * a[r * in + column];
                    }
                    float value = got[row * in + column];
                    assertThat((double) value).isCloseTo(exact, org.assertj.core.api.Assertions.within(0.005));
                    assertThat(Float.floatToRawIntBits(value) & 0xFFFF).isZero(); // a bfloat16 number
                }
            }
            // the same numbers however they are read
            assertThat(Random32.floats(over.tensor(matrix.name(2)))).isEqualTo(got);
            assertThat(delta.served("d").text()).isEqualTo("d:0,1,d:2,2*0.5");
        }
    }

    @Test
    void aFixedRankReplacesEachMatrixsOwn() {
        assertThat(new LowRankScale(16, OptionalInt.of(8)).factor(5)).isEqualTo(2);
        assertThat(new LowRankScale(16, OptionalInt.empty()).factor(4)).isEqualTo(4);
    }

    @Test
    void anAdapterIsKeptButIsNoLlamaModel() {
        List<DeltaWriter.Named> tensors = List.of(
                DeltaRig.named("model.layers.0.self_attn.adapter.down.weight", 1, 8L, 64L),
                DeltaRig.named("model.layers.0.self_attn.adapter.up.weight", 2, 64L, 8L),
                DeltaRig.named("model.layers.0.mlp.adapter.down.bias", 3, 8L));
        rig.writer().write(folder.resolve("d"), rig.info("0-2", Set.of(0)), tensors, DType.BF16);
        try (Delta delta = rig.open(folder.resolve("d"))) {
            assertThat(delta.mergeable()).isFalse();
            assertThat(delta.tensor("model.layers.0.mlp.adapter.down.bias").elements())
                    .isEqualTo(8);
            for (Runnable use : List.<Runnable>of(() -> delta.served("d"), () -> delta.over(name -> rig.base))) {
                assertThatThrownBy(use::run)
                        .isInstanceOfSatisfying(SlayerException.class, e -> {
                            assertThat(e.status()).isEqualTo(400);
                            assertThat(e.code()).isEqualTo("delta_not_mergeable");
                        })
                        .hasMessageContaining("adapters");
            }
        }
    }

    @Test
    void anotherBaseIsRefusedWithBothHashes() {
        rig.writer().write(folder.resolve("d"), rig.info(LAYOUT, Set.of(2)), rig.block(2), DType.F32);
        try (Delta delta = rig.open(folder.resolve("d"));
                DeltaRig other = new DeltaRig("random-llama2")) {
            assertThatThrownBy(() -> delta.requireBase(other.base))
                    .isInstanceOfSatisfying(
                            SlayerException.class, e -> assertThat(e.code()).isEqualTo("delta_base_mismatch"))
                    .hasMessageContaining(CheckpointHash.of(rig.base))
                    .hasMessageContaining(CheckpointHash.of(other.base));
        }
    }

    @Test
    void moreFilesAppearInTheSameStepOrNotAtAll() throws IOException {
        Path target = folder.resolve("step-1");
        DeltaInfo info = rig.info(LAYOUT, Set.of(2));
        assertThatThrownBy(() -> rig.writer().write(target, info, rig.block(2), DType.F32, inside -> {
                    Files.writeString(inside.resolve("optimizer"), "half");
                    throw new IOException("the power is off");
                }))
                .isInstanceOf(SlayerException.class)
                .hasMessageContaining("the power is off");
        assertThat(folder.toFile().list()).isEmpty();
        rig.writer().write(target, info, rig.block(2), DType.F32, inside -> {
            assertThat(target).doesNotExist();
            Files.writeString(inside.resolve("optimizer"), "all");
        });
        assertThat(target.toFile().list()).containsExactlyInAnyOrder("delta.json", "delta.safetensors", "optimizer");
        assertThatThrownBy(() -> rig.writer().write(target, info, rig.block(2), DType.F32))
                .hasMessageContaining("already exists");
    }

    @Test
    void whatDoesNotFitIsRefusedBeforeAnythingIsWritten() {
        DeltaInfo block = rig.info(LAYOUT, Set.of(2));
        DeltaInfo lora = rig.info(LAYOUT, Set.of(2), Optional.of(DeltaRig.alpha(8)));
        List<DeltaWriter.Named> factors = rig.factors(2, LayerTensor.UP, 4, false);
        refuse(block, rig.block(1), "holds tensors of slots [1], but delta.json says 'trained': [2]");
        refuse(rig.info(LAYOUT, Set.of(7)), rig.block(7), "is of slot 7, but the layout has slots 0 to 3");
        refuse(rig.info("0-9", Set.of(0)), rig.block(0), "'layout' does not fit the base");
        refuse(block, List.of(), "holds no tensor");
        refuse(block, factors, "has no lora.alpha");
        refuse(lora, factors.subList(0, 1), "without its counterpart 'model.layers.2.mlp.up_proj.lora_B.weight'");
        refuse(lora, concat(rig.block(2), factors), "is there whole and by factors");
        refuse(lora, rig.factors(2, LayerTensor.UP, 65, false), "with a rank from 1 to 64");
        refuse(block, concat(rig.block(2), rig.block(2)), "is given twice");
        String query = LayerTensor.QUERY.name(2);
        refuse(block, List.of(DeltaRig.named(query, 1, 63L, 64L)), "has shape [63, 64], but must have [128, 64]");
        for (String name : List.of(
                "model.layers.2.self_attn.q_proj.bias",
                "model.layers.02.self_attn.q_proj.weight",
                "model.layers.2.input_layernorm.lora_A.weight",
                "../../etc/passwd")) {
            refuse(block, List.of(DeltaRig.named(name, 1, 64L, 64L)), "which is no name of a delta's tensor");
        }
        String bias = "model.layers.2.mlp.adapter.up.bias";
        refuse(block, List.of(DeltaRig.named(bias, 1, 65L)), "which no adapter between hidden states of width 64 has");
        assertThat(folder.toFile().list()).isEmpty();
    }

    private void refuse(DeltaInfo info, List<DeltaWriter.Named> tensors, String why) {
        assertThatThrownBy(() -> rig.writer().write(folder.resolve("d"), info, tensors, DType.F32))
                .isInstanceOfSatisfying(
                        SlayerException.class, e -> assertThat(e.status()).isEqualTo(400))
                .hasMessageContaining(why);
    }

    private static List<DeltaWriter.Named> concat(List<DeltaWriter.Named> one, List<DeltaWriter.Named> other) {
        List<DeltaWriter.Named> all = new ArrayList<>(one);
        all.addAll(other);
        return all;
    }

    @Test
    void theHeadOfATiedModelIsTrainedAsItsEmbedding() {
        try (DeltaRig tied = new DeltaRig("random-llama3")) {
            DeltaInfo info = tied.info("0-3", Set.of());
            List<DeltaWriter.Named> head = List.of(DeltaRig.named(TensorNames.HEAD, 1, 768L, 64L));
            assertThatThrownBy(() -> tied.writer().write(folder.resolve("d"), info, head, DType.F32))
                    .hasMessageContaining("the base's head is its embedding (tie_word_embeddings)");
            List<DeltaWriter.Named> both = List.of(DeltaRig.named(TensorNames.EMBEDDING, 1, 768L, 64L));
            tied.writer().write(folder.resolve("d"), info, both, DType.BF16);
            try (Delta delta = tied.open(folder.resolve("d"))) {
                assertThat(delta.served("d").text()).isEqualTo("0-3,embedding(d)");
                assertThat(delta.over(name -> tied.base).names()).doesNotContain(TensorNames.HEAD);
            }
        }
    }
}
