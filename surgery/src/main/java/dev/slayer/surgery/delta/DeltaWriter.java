package dev.slayer.surgery.delta;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.DType;
import dev.slayer.surgery.checkpoint.Float32Source;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.export.ShardWriter;
import dev.slayer.surgery.export.Staging;
import dev.slayer.surgery.export.TensorItem;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Namespace;
import dev.slayer.surgery.recipe.RecipeTensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Writes deltas. A folder appears in one step, when everything in it is on the device; whatever goes wrong before leaves nothing. Only
 * the end of the process can leave a hidden {@code .slayer-delta-*} folder. One tensor is in memory at a time.
 *
 * @param base shape of the base
 * @param others the checkpoints that layouts may name
 */
public record DeltaWriter(ModelConfig base, Namespace others) {
    private static final String STAGING = ".slayer-delta-";

    public DeltaWriter {
        Objects.requireNonNull(base);
        Objects.requireNonNull(others);
    }

    /**
     * A trained tensor.
     *
     * @param name as {@link DeltaTensor} reads it
     * @param values read once, while the file is written, perhaps by several threads
     */
    public record Named(String name, Float32Source values) {
        public Named {
            Objects.requireNonNull(name);
            Objects.requireNonNull(values);
        }
    }

    /** Writes more files beside the delta's own, such as the optimizer's state of a run. */
    @FunctionalInterface
    public interface Beside {
        /** Nothing more. */
        Beside NOTHING = folder -> {};

        /**
         * Writes plain files into a folder and waits until the device has them.
         *
         * @param folder the delta's, not yet under its name
         */
        void write(Path folder) throws IOException;
    }

    /**
     * Writes a delta.
     *
     * @param target a folder that does not exist yet, or an empty one; its parent must exist
     * @param dtype element type of every tensor in the file; numbers are rounded to the nearest, ties to even
     * @throws SlayerException 400 if the tensors do not fit the layout or the target cannot be used, 507 if the device lacks space,
     *     500 if writing fails
     */
    public void write(Path target, DeltaInfo info, Iterable<Named> tensors, DType dtype) {
        write(target, info, tensors, dtype, Beside.NOTHING);
    }

    /** The same with files beside it, which appear in the same step. */
    public void write(Path target, DeltaInfo info, Iterable<Named> tensors, DType dtype, Beside beside) {
        List<TensorItem> items = items(target, info, tensors, dtype);
        byte[] json = DeltaJson.write(info);
        try (Staging staging = Staging.beside(target, STAGING)) {
            requireSpace(target, ShardWriter.size(items) + json.length, staging.usableBytes());
            Path folder = staging.folder();
            ShardWriter.write(folder.resolve(Delta.WEIGHTS), items, written -> {});
            Files.write(
                    folder.resolve(DeltaInfo.FILE),
                    json,
                    StandardOpenOption.CREATE_NEW,
                    StandardOpenOption.WRITE,
                    StandardOpenOption.SYNC);
            beside.write(folder);
            staging.commit();
        } catch (IOException e) {
            throw SlayerException.internal("the delta " + target + " could not be written: " + e, e);
        }
    }

    private List<TensorItem> items(Path target, DeltaInfo info, Iterable<Named> tensors, DType dtype) {
        Map<String, TensorItem> items = new LinkedHashMap<>();
        Map<String, List<Long>> shapes = new LinkedHashMap<>();
        for (Named tensor : tensors) {
            Float32Source values = tensor.values();
            TensorItem item = new TensorItem(
                    tensor.name(),
                    dtype,
                    values.shape(),
                    arena -> RecipeTensors.copy(tensor.name(), values, dtype, arena));
            if (items.put(tensor.name(), item) != null) {
                throw SlayerException.badRequest("tensors", "tensor '" + tensor.name() + "' is given twice");
            }
            shapes.put(tensor.name(), values.shape());
        }
        Layout layout = DeltaCheck.layout(target.resolve(DeltaInfo.FILE), info, base, others);
        DeltaCheck.mergeable(target.resolve(Delta.WEIGHTS), info, layout, base, shapes);
        return List.copyOf(items.values());
    }

    private static void requireSpace(Path target, long needed, long free) {
        if (needed > free) {
            throw new SlayerException(
                    507,
                    "insufficient_storage",
                    "target",
                    "the delta " + target + " needs " + needed + " bytes, but only " + free
                            + " are free there; make room or name another target",
                    null);
        }
    }
}
