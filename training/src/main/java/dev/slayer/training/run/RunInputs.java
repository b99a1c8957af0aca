package dev.slayer.training.run;

import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Namespace;
import dev.slayer.surgery.recipe.LayerSource;
import dev.slayer.training.data.TextCodec;
import java.nio.file.Path;

/**
 * What a run finds around it. All checkpoints must stay open while it runs.
 *
 * @param base the checkpoint that is trained
 * @param baseName what it is called
 * @param others the checkpoints that a layout may take layers of
 * @param sources the same, opened; the empty name is the base
 * @param codec the base's tokenizer and chat template
 * @param dataFolder from which relative paths of data are taken
 * @param madeBy name and version of the program, for the delta
 * @param device who else is on the device
 */
public record RunInputs(
        Checkpoint base,
        String baseName,
        Namespace others,
        LayerSource sources,
        TextCodec codec,
        Path dataFolder,
        String madeBy,
        DeviceAccess device) {
    /** For a run that has its device to itself. */
    public RunInputs(
            Checkpoint base,
            String baseName,
            Namespace others,
            LayerSource sources,
            TextCodec codec,
            Path dataFolder,
            String madeBy) {
        this(base, baseName, others, sources, codec, dataFolder, madeBy, DeviceAccess.ALONE);
    }
}
