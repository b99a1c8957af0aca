package dev.slayer.server.api;

import dev.slayer.server.engine.Donor;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.CheckpointException;
import dev.slayer.surgery.checkpoint.CheckpointHash;
import dev.slayer.surgery.delta.Delta;
import dev.slayer.surgery.delta.DeltaInfo;
import dev.slayer.surgery.layout.Layout;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens deltas over whichever of the loaded checkpoints they were trained on. */
final class DeltaOpener {
    private static final Logger LOG = LoggerFactory.getLogger(DeltaOpener.class);

    private final ModelDirectory models;
    private final Checkpoints checkpoints;
    private final DeltaLender lender;
    private final Function<String, Optional<LoadedDelta>> others;

    /** @param others deltas that are loaded, by name */
    DeltaOpener(
            ModelDirectory models,
            Checkpoints checkpoints,
            DeltaLender lender,
            Function<String, Optional<LoadedDelta>> others) {
        this.models = models;
        this.checkpoints = checkpoints;
        this.lender = lender;
        this.others = others;
    }

    /**
     * Opens a delta and puts it on the device.
     *
     * @throws SlayerException naming what is wrong; nothing is left behind then
     */
    LoadedDelta open(String name, Path path) {
        DeltaInfo info = DeltaInfo.read(path);
        LoadedCheckpoint base = base(info, path);
        Deque<Runnable> undo = new ArrayDeque<>(); // the delta first, then what it is made over
        boolean done = false;
        try {
            hold(base.model().residency(), base.model().name(), undo);
            Delta delta = Delta.open(
                    path, base.weights().config(), models.namespace(base.model().name()));
            undo.push(delta::close);
            Layout served = delta.served(name);
            Checkpoint over = delta.over(sources(base, delta.layout(), undo)::get);
            Donor donor = lender.lend(name, delta, over);
            undo.pop(); // who lends it closes it
            done = true;
            return new LoadedDelta(
                    new ServedDelta(name, base.model().name(), delta.config(), delta.layout(), new Residency()),
                    delta,
                    over,
                    served,
                    donor,
                    () -> run(undo));
        } finally {
            if (!done) {
                run(undo);
            }
        }
    }

    private static void run(Deque<Runnable> undo) {
        while (!undo.isEmpty()) {
            undo.pop().run();
        }
    }

    /** The checkpoint that a delta was trained on: the hash decides, its name only among equals. */
    private LoadedCheckpoint base(DeltaInfo info, Path path) {
        String wanted = info.provenance().baseHash();
        String called = info.provenance().baseName();
        SequencedMap<String, String> hashes = new LinkedHashMap<>();
        LoadedCheckpoint found = null;
        for (LoadedCheckpoint loaded : checkpoints.loaded()) {
            String name = loaded.model().name();
            String hash = hash(loaded.weights());
            hashes.put(name, hash);
            if (hash.equals(wanted) && (found == null || name.equals(called))) {
                found = loaded;
            }
        }
        if (found == null) {
            throw new SlayerException(
                    409,
                    Delta.BASE_MISMATCH,
                    "name",
                    "The delta " + path + " was trained on '" + Excerpt.of(called) + "' with hash "
                            + Excerpt.of(wanted) + ", and no such checkpoint is loaded; there are "
                            + ModelNames.list(hashes.entrySet().stream()
                                    .map(one -> "'" + one.getKey() + "' with hash " + one.getValue())
                                    .toList())
                            + ".",
                    null);
        }
        return found;
    }

    /** One whose files have gone since is the base of nothing. */
    private static String hash(Checkpoint checkpoint) {
        try {
            return CheckpointHash.of(checkpoint);
        } catch (CheckpointException e) {
            LOG.warn("A loaded checkpoint cannot be told from others", e);
            return "unknown";
        }
    }

    /** The base under the empty name and whatever the trained layout names, all held until the delta is released. */
    private Map<String, Checkpoint> sources(LoadedCheckpoint base, Layout layout, Deque<Runnable> undo) {
        Map<String, Checkpoint> sources = new HashMap<>();
        sources.put("", base.weights());
        for (String other : layout.checkpoints()) {
            Optional<LoadedDelta> delta = others.apply(other);
            if (delta.isPresent()) {
                hold(delta.get().model().residency(), other, undo);
                sources.put(other, delta.get().over());
            } else {
                LoadedCheckpoint loaded = checkpoints.get(other);
                hold(loaded.model().residency(), other, undo);
                sources.put(other, loaded.weights());
            }
        }
        return sources;
    }

    private static void hold(Residency residency, String name, Deque<Runnable> undo) {
        if (!residency.enter()) {
            throw new SlayerException(
                    409, "checkpoint_in_use", "name", "'" + name + "' is being unloaded; load it again.", null);
        }
        undo.addLast(residency::leave);
    }
}
