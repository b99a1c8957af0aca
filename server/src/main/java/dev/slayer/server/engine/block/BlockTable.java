package dev.slayer.server.engine.block;

import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.server.onnx.Session;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Recipe;
import dev.slayer.surgery.layout.Slot;
import java.lang.foreign.Arena;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;

/** The blocks of a checkpoint, one for each recipe, and their owner. The engine's thread only, once made. */
final class BlockTable implements AutoCloseable {
    private final Checkpoint checkpoint;
    private final Map<Recipe, Block> blocks = new ConcurrentHashMap<>();

    private BlockTable(Checkpoint checkpoint) {
        this.checkpoint = checkpoint;
    }

    /**
     * Compiles the block of every layer, on all cores: converting and packing weights is most of the work.
     *
     * @throws dev.slayer.surgery.SlayerException if one fails; the others are closed
     */
    static BlockTable ofLayers(OnnxRuntime runtime, Checkpoint checkpoint, WeightType type) {
        BlockTable table = new BlockTable(checkpoint);
        try {
            IntStream.range(0, checkpoint.config().layers())
                    .parallel()
                    .forEach(layer ->
                            table.blocks.put(new Recipe.Plain(layer), compile(runtime, checkpoint, type, layer)));
            return table;
        } catch (RuntimeException | Error e) {
            table.close();
            throw e;
        }
    }

    private static Block compile(OnnxRuntime runtime, Checkpoint checkpoint, WeightType type, int layer) {
        try (Arena weights = Arena.ofConfined()) {
            BlockGraphs graphs = new BlockGraphs(checkpoint, new Matrix(type, weights));
            Session pre = runtime.session(graphs.pre(layer));
            try {
                return new Block(pre, runtime.session(graphs.post(layer)));
            } catch (RuntimeException | Error e) {
                pre.close();
                throw e;
            }
        }
    }

    /** The block of a slot. */
    Block of(Slot slot) {
        Block block = blocks.get(slot.recipe());
        if (block == null) {
            throw new IllegalStateException("no block of " + slot.text() + " in " + checkpoint.directory());
        }
        return block;
    }

    @Override
    public void close() {
        blocks.values().forEach(Block::close);
        blocks.clear();
    }
}
