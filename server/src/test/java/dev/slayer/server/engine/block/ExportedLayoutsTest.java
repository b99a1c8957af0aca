package dev.slayer.server.engine.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.slayer.server.engine.Logits;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.golden.GoldenLayouts;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.export.CheckpointExport;
import dev.slayer.surgery.layout.Layout;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** A layout served in memory is the model that its exported checkpoint is when served as a base. */
class ExportedLayoutsTest {
    static final List<String> CHECKPOINTS = Golden.CHECKPOINTS;

    @ParameterizedTest
    @FieldSource("CHECKPOINTS")
    void everyGoldenLayoutEqualsItsExportedCheckpoint(String name, @TempDir Path folder) {
        List<GoldenLayouts.Case> cases = GoldenLayouts.of(name);
        try (OnnxRuntime runtime = OnnxRuntime.open(2);
                GoldenRig served = new GoldenRig(runtime, cases.getFirst())) {
            for (int i = 0; i < cases.size(); i++) {
                Layout layout = served.layout(cases.get(i).layout());
                int[] ids = cases.get(i).answers().getFirst().ids();
                float[][] expected = served.rig.logits(layout, ids, GoldenRig.MAX_ROWS);
                Path target = folder.resolve("export-" + i);
                new CheckpointExport(target, 1 << 20, name, "test")
                        .write(served.checkpoint, layout, served::source, (done, total) -> {});
                try (Checkpoint exported = Checkpoint.open(target);
                        Rig rig = new Rig(runtime, exported, WeightType.FP32, GoldenRig.MAX_ROWS)) {
                    assertThat(exported.config().layers()).isEqualTo(layout.depth());
                    float[][] actual = rig.logits(rig.identity(), ids, GoldenRig.MAX_ROWS);
                    for (int position = 1; position < ids.length; position++) {
                        assertThat(Logits.logprob(actual[position - 1], ids[position]))
                                .as("%s of %s, position %d", layout.text(), name, position)
                                .isCloseTo(Logits.logprob(expected[position - 1], ids[position]), within(1e-4));
                    }
                }
            }
        }
    }
}
