package dev.slayer.server.engine.block;

import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.Float32Source;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Recipe;
import dev.slayer.surgery.recipe.LayerSource;
import java.util.concurrent.Executor;

/** Puts weights into the memory of a device, ready to be run. Any thread. */
public interface PartCompiler {
    /**
     * A block.
     *
     * @param config of the base
     * @param recipe over layers named as {@code sources} knows them
     * @param sources the checkpoints that the recipe names; they stay open until the block is closed
     * @param other what may do a part of the work while the caller does the rest
     * @throws dev.slayer.surgery.SlayerException if a tensor cannot be read or the device refuses
     */
    Part block(ModelConfig config, WeightType type, Recipe recipe, LayerSource sources, Executor other);

    /**
     * A final norm and a head.
     *
     * @param config of the checkpoint that the matrix is of
     * @param norm [hidden]
     * @param head [vocabulary, hidden]
     * @throws dev.slayer.surgery.SlayerException if a tensor cannot be read or the device refuses
     */
    Part head(ModelConfig config, WeightType type, Float32Source norm, Float32Source head);

    /**
     * An embedding.
     *
     * @param config of the checkpoint
     * @param type of its other weights
     * @param checkpoint whose embedding it is; stays open until the part is closed
     * @throws dev.slayer.surgery.SlayerException if it cannot be read or the device refuses
     */
    Part embedding(ModelConfig config, WeightType type, Checkpoint checkpoint);
}
