package dev.slayer.surgery.delta;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.CheckpointHash;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.Tensor;
import dev.slayer.surgery.checkpoint.TensorFolder;
import dev.slayer.surgery.checkpoint.TensorNames;
import dev.slayer.surgery.layout.Ends;
import dev.slayer.surgery.layout.LayerRef;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Namespace;
import dev.slayer.surgery.layout.Recipe;
import dev.slayer.surgery.layout.Slot;
import dev.slayer.surgery.recipe.LayerSource;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The trained tensors of a layout over a base: a folder with {@code delta.json} and {@code delta.safetensors}. Together with its base
 * it looks like a checkpoint with as many layers as the layout has slots, so that layouts can say {@code math:4} and
 * {@code head(math)} of a delta called math.
 *
 * <p>Thread-safe. Tensors are valid until it is closed.
 */
public final class Delta implements AutoCloseable {
    /** The weights in a delta's folder. */
    public static final String WEIGHTS = "delta.safetensors";

    /** Error code of a delta that holds what no Llama checkpoint can. */
    public static final String NOT_MERGEABLE = "delta_not_mergeable";

    /** Error code of a delta of another base. */
    public static final String BASE_MISMATCH = "delta_base_mismatch";

    private final DeltaInfo info;
    private final ModelConfig base;
    private final Layout layout;
    private final TensorFolder folder;
    private final boolean mergeable;

    private Delta(DeltaInfo info, ModelConfig base, Layout layout, TensorFolder folder) {
        this.info = info;
        this.base = base;
        this.layout = layout;
        this.folder = folder;
        Map<String, List<Long>> shapes = new LinkedHashMap<>();
        folder.names().forEach(name -> shapes.put(name, folder.tensor(name).shape()));
        this.mergeable = DeltaCheck.mergeable(folder.file(), info, layout, base, shapes);
    }

    /**
     * Opens a folder and holds it against the shape of its base. Costs no memory beyond the headers.
     *
     * @param others the checkpoints that its layout may name
     * @throws dev.slayer.surgery.checkpoint.CheckpointException naming the file and the tensor or key at fault
     */
    public static Delta open(Path folder, ModelConfig base, Namespace others) {
        DeltaInfo info = DeltaInfo.read(folder);
        Layout layout = DeltaCheck.layout(folder.resolve(DeltaInfo.FILE), info, base, others);
        TensorFolder weights = TensorFolder.open(folder, WEIGHTS);
        boolean opened = false;
        try {
            Delta delta = new Delta(info, base, layout, weights);
            opened = true;
            return delta;
        } finally {
            if (!opened) {
                weights.close();
            }
        }
    }

    /** What its description says. */
    public DeltaInfo info() {
        return info;
    }

    /** The layout that was trained, before training changed any weight. */
    public Layout layout() {
        return layout;
    }

    /** The base's shape with the layout's depth. */
    public ModelConfig config() {
        return base.withLayers(layout.depth());
    }

    /** The folder. */
    public Path directory() {
        return folder.directory();
    }

    /** Names of the trained tensors, in file order. */
    public Set<String> names() {
        return folder.names();
    }

    /**
     * A trained tensor as it was written, factors and adapters included.
     *
     * @throws dev.slayer.surgery.checkpoint.CheckpointException if there is none of that name
     */
    public Tensor tensor(String name) {
        return folder.tensor(name);
    }

    /** Whether a tensor was trained whole: {@code lm_head.weight}. */
    public boolean trains(String name) {
        return folder.names().contains(name);
    }

    /** Whether a Llama checkpoint can hold it: not where it has adapters. */
    public boolean mergeable() {
        return mergeable;
    }

    /** Bytes of all trained tensors. */
    public long bytes() {
        return folder.bytes();
    }

    /**
     * Holds the hash of a checkpoint against that of the base that was trained on.
     *
     * @throws SlayerException 409, code {@link #BASE_MISMATCH}, with both hashes
     */
    public void requireBase(Checkpoint checkpoint) {
        String hash = CheckpointHash.of(checkpoint);
        if (!hash.equals(info.provenance().baseHash())) {
            throw new SlayerException(
                    409,
                    BASE_MISMATCH,
                    null,
                    "The delta " + directory() + " was trained on '"
                            + info.provenance().baseName() + "' with hash "
                            + info.provenance().baseHash() + ", but " + checkpoint.directory() + " has hash " + hash
                            + "; it makes sense with its own base only.",
                    null);
        }
    }

    /**
     * The layout that runs what was trained: trained slots become layers of the delta, and so do embedding, final norm and head
     * where they were trained. Gates stay.
     *
     * @param name of the delta
     * @throws SlayerException 400, code {@link #NOT_MERGEABLE}
     */
    public Layout served(String name) {
        requireMergeable();
        List<Slot> slots = new ArrayList<>(layout.slots());
        for (int slot : info.slots()) {
            slots.set(
                    slot,
                    new Slot(
                            new Recipe.Plain(new LayerRef(name, slot)),
                            slots.get(slot).gates()));
        }
        Ends ends = layout.ends();
        return new Layout(
                slots,
                new Ends(
                        trains(TensorNames.EMBEDDING) ? name : ends.embedding(),
                        trains(TensorNames.FINAL_NORM) ? name : ends.norm(),
                        trains(TensorNames.HEAD) ? name : ends.head()));
    }

    /**
     * The delta and its base as one checkpoint: layer n is slot n. What was not trained comes from the layout's recipe. Closing it
     * does nothing; it can be used as long as the delta and the sources are open.
     *
     * @param sources the base under the empty name, and the checkpoints that the layout names
     * @throws SlayerException 400, code {@link #NOT_MERGEABLE}
     */
    public Checkpoint over(LayerSource sources) {
        requireMergeable();
        return new DeltaCheckpoint(this, sources);
    }

    private void requireMergeable() {
        if (!mergeable) {
            throw new SlayerException(
                    400,
                    NOT_MERGEABLE,
                    null,
                    "The delta " + directory() + " has adapters (method '"
                            + info.provenance().method()
                            + "'), which no Llama checkpoint can hold: it can be neither served nor exported. Full blocks,"
                            + " LoRA and AdaLoRA can.",
                    null);
        }
    }

    /**
     * Looks whether the weights still are what they were when they were opened.
     *
     * @throws dev.slayer.surgery.checkpoint.CheckpointException if they are not
     */
    public void verifyUnchanged() {
        folder.verifyUnchanged();
    }

    /** Unmaps the weights. Idempotent. */
    @Override
    public void close() {
        folder.close();
    }
}
