package dev.slayer.surgery.delta;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.CheckpointException;
import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.TensorNames;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Namespace;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeSet;

/**
 * Holds a delta's tensors against its layout and its base's shape: every name must mean something, every shape be right, every factor
 * have its counterpart.
 */
final class DeltaCheck {
    private final Path file;
    private final ModelConfig base;
    private final int depth;
    private final Map<String, List<Long>> shapes;

    private DeltaCheck(Path file, ModelConfig base, int depth, Map<String, List<Long>> shapes) {
        this.file = file;
        this.base = base;
        this.depth = depth;
        this.shapes = shapes;
    }

    /**
     * The layout that was trained.
     *
     * @param file for messages
     * @throws CheckpointException if it does not fit the base
     */
    static Layout layout(Path file, DeltaInfo info, ModelConfig base, Namespace others) {
        try {
            return Layout.parse(info.layout(), base, others);
        } catch (SlayerException e) {
            throw new CheckpointException(file, "'layout' does not fit the base: " + e.getMessage(), e);
        }
    }

    /**
     * Checks the tensors.
     *
     * @param file for messages
     * @param shapes by name
     * @return whether a Llama checkpoint can hold what they make
     * @throws CheckpointException naming the tensor at fault
     */
    static boolean mergeable(
            Path file, DeltaInfo info, Layout layout, ModelConfig base, Map<String, List<Long>> shapes) {
        DeltaCheck check = new DeltaCheck(file, base, layout.depth(), shapes);
        NavigableSet<Integer> slots = new TreeSet<>();
        boolean mergeable = true;
        for (String name : shapes.keySet()) {
            switch (check.meaning(name)) {
                case DeltaTensor.Whole whole -> {
                    check.whole(name, whole);
                    slots.add(whole.slot());
                }
                case DeltaTensor.Factor factor -> {
                    check.factor(name, factor, info);
                    slots.add(factor.slot());
                }
                case DeltaTensor.Adapter adapter -> {
                    check.adapter(name, adapter);
                    slots.add(adapter.slot());
                    mergeable = false;
                }
                case DeltaTensor.End end -> check.end(end.name());
            }
        }
        if (shapes.isEmpty()) {
            throw new CheckpointException(file, "holds no tensor, so nothing was trained");
        }
        check.slots(slots, info.slots());
        return mergeable;
    }

    private DeltaTensor meaning(String name) {
        return DeltaTensor.of(name)
                .orElseThrow(() -> new CheckpointException(
                        file, "holds tensor '" + name + "', which is no name of a delta's tensor"));
    }

    private void whole(String name, DeltaTensor.Whole whole) {
        slot(name, whole.slot());
        shape(name, whole.tensor().shape(base));
        for (DeltaTensor.Role role : DeltaTensor.Role.values()) {
            if (shapes.containsKey(role.name(whole.slot(), whole.tensor()))) {
                throw refuse(name, "is there whole and by factors; one of the two is too many");
            }
        }
    }

    private void factor(String name, DeltaTensor.Factor factor, DeltaInfo info) {
        slot(name, factor.slot());
        if (info.scale().isEmpty()) {
            throw refuse(name, "is a factor, but " + DeltaInfo.FILE + " has no lora.alpha");
        }
        List<Long> down = counterpart(name, factor, DeltaTensor.Role.DOWN);
        counterpart(name, factor, DeltaTensor.Role.UP);
        List<Long> whole = factor.tensor().shape(base);
        long out = whole.getFirst();
        long in = whole.getLast();
        long rank = down.size() == 2 ? down.getFirst() : 0;
        if (rank < 1 || rank > Math.min(out, in)) {
            throw refuse(
                    DeltaTensor.Role.DOWN.name(factor.slot(), factor.tensor()),
                    "has shape " + down + ", but must be [rank, " + in + "] with a rank from 1 to "
                            + Math.min(out, in));
        }
        shape(
                name,
                switch (factor.role()) {
                    case DOWN -> List.of(rank, in);
                    case UP -> List.of(out, rank);
                    case DIAGONAL -> List.of(rank);
                });
    }

    private List<Long> counterpart(String name, DeltaTensor.Factor factor, DeltaTensor.Role role) {
        String other = role.name(factor.slot(), factor.tensor());
        List<Long> shape = shapes.get(other);
        if (shape == null) {
            throw refuse(name, "is there without its counterpart '" + other + "'");
        }
        return shape;
    }

    private void adapter(String name, DeltaTensor.Adapter adapter) {
        slot(name, adapter.slot());
        List<Long> shape = shapes.get(name);
        long hidden = base.hiddenSize();
        boolean right = adapter.bias()
                ? shape.size() == 1 && (adapter.down() || shape.getFirst() == hidden)
                : shape.size() == 2 && (adapter.down() ? shape.getLast() : shape.getFirst()) == hidden;
        if (!right) {
            throw refuse(
                    name,
                    "has shape " + shape + ", which no adapter between hidden states of width " + hidden + " has");
        }
    }

    private void end(String name) {
        if (name.equals(TensorNames.HEAD) && base.tiedEmbeddings()) {
            throw refuse(
                    name,
                    "cannot be: the base's head is its embedding (tie_word_embeddings); train " + TensorNames.EMBEDDING
                            + ", which changes both");
        }
        shape(
                name,
                name.equals(TensorNames.FINAL_NORM)
                        ? LayerTensor.INPUT_NORM.shape(base)
                        : List.of((long) base.vocabularySize(), (long) base.hiddenSize()));
    }

    private void slot(String name, int slot) {
        if (slot >= depth) {
            throw refuse(name, "is of slot " + slot + ", but the layout has slots 0 to " + (depth - 1));
        }
    }

    private void shape(String name, List<Long> needed) {
        if (!shapes.get(name).equals(needed)) {
            throw refuse(name, "has shape " + shapes.get(name) + ", but must have " + needed);
        }
    }

    private void slots(Set<Integer> held, Set<Integer> told) {
        if (!held.equals(told)) {
            throw new CheckpointException(
                    file, "holds tensors of slots " + held + ", but " + DeltaInfo.FILE + " says 'trained': " + told);
        }
    }

    private CheckpointException refuse(String name, String problem) {
        return new CheckpointException(file, "tensor '" + name + "' " + problem);
    }
}
