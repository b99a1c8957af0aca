package dev.slayer.surgery.checkpoint;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/**
 * All tensors of a directory, from one file or from shards.
 *
 * @param source for messages about the whole: the single file, or the index
 * @param shards in the order of their names
 * @param entries by tensor name, in the order of shards and data
 */
record Weights(Path source, List<Shard> shards, Map<String, Placed> entries) {
    private static final String SINGLE_FILE = "model.safetensors";

    /** A tensor and the file it lies in. */
    record Placed(Shard shard, SafetensorsHeader.Entry entry) {}

    /** Opens {@code model.safetensors}, or what {@code model.safetensors.index.json} names where that is not there. */
    static Weights open(Folder folder, Arena arena) {
        Optional<Path> single = folder.find(SINGLE_FILE);
        if (single.isPresent()) {
            Path file = folder.named(SINGLE_FILE);
            return of(file, List.of(Shard.open(file, single.get(), arena)));
        }
        if (folder.find(ShardIndex.FILE).isEmpty()) {
            throw new CheckpointException(
                    folder.path(),
                    "has neither " + SINGLE_FILE + " nor " + ShardIndex.FILE
                            + "; weights in other formats must be converted to safetensors first");
        }
        return sharded(folder, arena);
    }

    static Weights of(Path source, List<Shard> shards) {
        Map<String, Placed> entries = new LinkedHashMap<>();
        for (Shard shard : shards) {
            shard.header().entries().forEach((name, entry) -> entries.put(name, new Placed(shard, entry)));
        }
        return new Weights(source, shards, entries);
    }

    private static Weights sharded(Folder folder, Arena arena) {
        Path index = folder.named(ShardIndex.FILE);
        Map<String, String> homes = ShardIndex.read(folder);
        List<Shard> shards = new ArrayList<>();
        for (String name : new TreeSet<>(homes.values())) {
            Path content = folder.find(name)
                    .orElseThrow(() -> new CheckpointException(
                            folder.named(name), "is missing, though " + ShardIndex.FILE + " names it"));
            Shard shard = Shard.open(folder.named(name), content, arena);
            shard.header().entries().keySet().forEach(tensor -> requireHome(shard, name, tensor, homes));
            shards.add(shard);
        }
        Weights weights = of(index, shards);
        homes.forEach((tensor, shard) -> {
            if (!weights.entries.containsKey(tensor)) {
                throw new CheckpointException(
                        folder.named(shard), "lacks tensor '" + tensor + "', which " + ShardIndex.FILE + " puts there");
            }
        });
        return weights;
    }

    /** With every shard's tensors at home where the index says, none can be in two shards. */
    private static void requireHome(Shard shard, String name, String tensor, Map<String, String> homes) {
        String home = homes.get(tensor);
        if (!name.equals(home)) {
            throw new CheckpointException(
                    shard.file(),
                    "holds tensor '" + tensor + "', which " + ShardIndex.FILE
                            + (home == null ? " does not name" : " puts into " + home));
        }
    }

    Tensor tensor(String name) {
        Placed placed = entries.get(name);
        if (placed == null) {
            throw new CheckpointException(source, "has no tensor '" + name + "'");
        }
        SafetensorsHeader.Entry entry = placed.entry();
        return new Tensor(name, dtype(placed), entry.shape(), placed.shard().data(entry));
    }

    private static DType dtype(Placed placed) {
        for (DType dtype : DType.values()) {
            if (dtype.name().equals(placed.entry().dtype())) {
                return dtype;
            }
        }
        throw new CheckpointException(
                placed.shard().file(),
                "tensor '" + placed.entry().name() + "' has dtype "
                        + placed.entry().dtype() + ", but only F32, F16 and BF16 can be read");
    }

    long bytes() {
        return entries.values().stream()
                .mapToLong(placed -> placed.entry().end() - placed.entry().begin())
                .sum();
    }
}
