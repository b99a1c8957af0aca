package dev.slayer.surgery.checkpoint;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;

/**
 * A way to spoil a checkpoint.
 *
 * @param kind for messages
 * @param count how many spoilt checkpoints of this kind there are
 * @param mayMiss whether a blind change may by chance leave the checkpoint as good as before
 */
record Corruption(String kind, int count, boolean mayMiss, Spoiler spoiler) {
    /** Writes a spoilt checkpoint into an empty directory; number counts those of one kind from 0. */
    @FunctionalInterface
    interface Spoiler {
        void spoil(Path directory, Random random, int number) throws IOException;
    }

    /** What is done to a thing of the given type. */
    @FunctionalInterface
    interface Change<T> {
        void to(T thing) throws IOException;
    }

    static Corruption of(String kind, int count, Spoiler spoiler) {
        return new Corruption(kind, count, false, spoiler);
    }

    /** One spoilt checkpoint for each change to a sound one of a single file, made before it is written. */
    @SafeVarargs
    static Corruption inMemory(String kind, Change<TinyCheckpoint>... changes) {
        return of(kind, changes.length, (directory, _, number) -> {
            TinyCheckpoint tiny = TinyCheckpoint.single();
            changes[number].to(tiny);
            tiny.write(directory);
        });
    }

    /** One spoilt checkpoint for each change to the files of a sound one. */
    static Corruption onDisk(String kind, int shards, List<Change<Path>> changes) {
        return of(
                kind,
                changes.size(),
                (directory, _, number) ->
                        changes.get(number).to(TinyCheckpoint.sharded(shards).write(directory)));
    }
}
