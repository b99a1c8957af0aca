package dev.slayer.server.engine.block;

import dev.slayer.server.golden.Golden;
import dev.slayer.server.golden.GoldenLayouts;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Namespace;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** A checkpoint and the others that its golden layouts take layers of, on one device. */
final class GoldenRig implements AutoCloseable {
    static final int MAX_ROWS = 512;
    final Checkpoint checkpoint;
    final Map<String, Checkpoint> others = new LinkedHashMap<>();
    final Rig rig;

    GoldenRig(OnnxRuntime runtime, GoldenLayouts.Case golden) {
        BlockStore store = new BlockStore(new BlockCompiler(runtime), DerivedBlocks.DEFAULTS);
        golden.others().forEach((alias, directory) -> {
            Checkpoint other = Checkpoint.open(Golden.checkpoint(directory));
            others.put(alias, other);
            store.add(alias, other, WeightType.FP32);
        });
        this.checkpoint = Checkpoint.open(Golden.checkpoint(golden.checkpoint()));
        this.rig = new Rig(store, runtime, checkpoint, WeightType.FP32, MAX_ROWS);
    }

    Layout layout(String text) {
        Namespace names = name -> Optional.ofNullable(others.get(name)).map(Checkpoint::config);
        return Layout.parse(text, checkpoint.config(), names);
    }

    /** The base by the empty name. */
    Checkpoint source(String name) {
        return name.isEmpty() ? checkpoint : others.get(name);
    }

    @Override
    public void close() {
        rig.close();
        checkpoint.close();
        others.values().forEach(Checkpoint::close);
    }
}
