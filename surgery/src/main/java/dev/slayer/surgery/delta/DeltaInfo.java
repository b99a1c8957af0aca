package dev.slayer.surgery.delta;

import dev.slayer.surgery.checkpoint.TensorFolder;
import java.nio.file.Path;
import java.util.Collections;
import java.util.NavigableSet;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeSet;

/**
 * What {@code delta.json} says.
 *
 * @param layout text of the layout that was trained, not yet held against a base
 * @param slots numbers of the slots that hold trained tensors, from 0; embedding, final norm and head have none
 * @param scale of the low-rank factors, if there are any
 * @param provenance where it comes from
 */
public record DeltaInfo(
        String layout, NavigableSet<Integer> slots, Optional<LowRankScale> scale, Provenance provenance) {
    /** The file in a delta's folder. */
    public static final String FILE = "delta.json";

    private static final int SIZE_LIMIT = 8 << 20;

    public DeltaInfo {
        Objects.requireNonNull(layout);
        slots = Collections.unmodifiableNavigableSet(new TreeSet<>(slots));
        Objects.requireNonNull(scale);
        Objects.requireNonNull(provenance);
    }

    /**
     * Reads a delta's description and nothing else.
     *
     * @throws dev.slayer.surgery.checkpoint.CheckpointException naming the file and the key at fault
     */
    public static DeltaInfo read(Path folder) {
        return DeltaJson.read(folder.resolve(FILE), TensorFolder.json(folder, FILE, SIZE_LIMIT));
    }
}
