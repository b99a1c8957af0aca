package dev.slayer.training.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.training.golden.GoldenLayouts;
import dev.slayer.training.method.Method;
import dev.slayer.training.method.TrainableParts;
import dev.slayer.training.torch.LibTorch;
import dev.slayer.training.torch.Placement;
import dev.slayer.training.torch.Tensors;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class DropoutTest {
    @BeforeAll
    static void start() {
        LibTorch.start(1);
    }

    @Test
    void aShareIsLeftOutAndTheRestIsLarger() {
        Dropout dropout = new Dropout(0.25, 7);
        dropout.begin(3);
        float[] left = draw(dropout, 1);
        long gone = IntStream.range(0, left.length).filter(i -> left[i] == 0).count();
        assertThat(gone / (double) left.length).isCloseTo(0.25, within(0.02));
        for (float value : left) {
            assertThat(value == 0 || Math.abs(value - 1 / 0.75f) < 1e-6f).isTrue();
        }
    }

    @Test
    void seedPassAndSlotDecideAndNothingElse() {
        Dropout dropout = new Dropout(0.25, 7);
        dropout.begin(3);
        float[] first = draw(dropout, 1);
        assertThat(draw(dropout, 2)).isNotEqualTo(first);
        assertThat(draw(dropout, 1)).isEqualTo(first);
        dropout.begin(4);
        assertThat(draw(dropout, 1)).isNotEqualTo(first);
        Dropout other = new Dropout(0.25, 8);
        other.begin(3);
        assertThat(draw(other, 1)).isNotEqualTo(first);
        dropout.end();
        assertThat(draw(dropout, 1)).containsOnly(1);
    }

    private static float[] draw(Dropout dropout, int slot) {
        try (PointerScope _ = new PointerScope()) {
            dropout.slot(slot);
            return Tensors.floats(dropout.of(Placement.CPU.ones(10_000)));
        }
    }

    @Test
    void aSlotComputedAgainLeavesOutTheSame() {
        assertThat(gradients(true, 5)).usingComparatorWithPrecision(1e-6f).containsExactly(gradients(false, 5));
        assertThat(gradients(false, 6)).isNotEqualTo(gradients(false, 5));
    }

    @Test
    void onlyAShareCanBeLeftOut() {
        assertThatThrownBy(() -> new Method.LowRank(new TreeSet<>(List.of(1)), Method.MATRICES, 4, 8, 1))
                .hasMessageContaining("dropout=1.0");
    }

    private static float[] gradients(boolean recompute, long pass) {
        try (Checkpoint base = GoldenLayouts.open("random-llama2")) {
            Layout layout = Layout.identity(base.config().layers());
            Method method = new Method.LowRank(new TreeSet<>(List.of(0, 2)), Method.MATRICES, 4, 8, 0.5);
            TrainingModel.Options options = new TrainingModel.Options(recompute, 3);
            try (TrainingModel model = new TrainingModel(base, layout, _ -> base, method, options);
                    PointerScope _ = new PointerScope()) {
                try (NoGradGuard _ = new NoGradGuard()) {
                    TrainableParts.of(method, base.config())
                            .forEach(spec -> model.parameters()
                                    .leaf(spec.name())
                                    .add_(Placement.CPU.ones(1).mul(new org.bytedeco.pytorch.Scalar(0.01))));
                }
                Rows rows = Rows.of(
                        IntStream.range(4, 28).toArray(), IntStream.range(8, 32).toArray());
                var _ = model.train(rows, rows.learned(), pass);
                return Tensors.floats(model.parameters().gradients());
            }
        }
    }
}
