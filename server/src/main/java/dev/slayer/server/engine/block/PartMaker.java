package dev.slayer.server.engine.block;

import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.TensorNames;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.LongFunction;
import java.util.stream.IntStream;

/** Makes parts of what their keys say. Any thread. */
final class PartMaker {
    private final PartCompiler compiler;
    private final LongFunction<LoadedCheckpoint> checkpoints;

    /** @param checkpoints by id */
    PartMaker(PartCompiler compiler, LongFunction<LoadedCheckpoint> checkpoints) {
        this.compiler = compiler;
        this.checkpoints = checkpoints;
    }

    /** Bytes of a part in memory, known before it is made. */
    long bytes(PartKey key) {
        return switch (key) {
            case BlockKey block -> checkpoints.apply(block.owner()).blockBytes();
            case HeadKey head -> checkpoints.apply(head.head()).headBytes();
            case EmbeddingKey embedding -> 0;
        };
    }

    /**
     * A part.
     *
     * @param other what makes the first half of a block while the caller makes the second
     * @throws dev.slayer.surgery.SlayerException if a tensor cannot be read or the runtime refuses
     */
    Part make(PartKey key, Executor other) {
        return switch (key) {
            case BlockKey block -> {
                LoadedCheckpoint owner = checkpoints.apply(block.owner());
                yield compiler.block(
                        owner.checkpoint().config(),
                        owner.type(),
                        block.recipe(),
                        id -> id.isEmpty() ? owner.checkpoint() : checkpoint(Long.parseLong(id)),
                        other);
            }
            case HeadKey head -> {
                LoadedCheckpoint owner = checkpoints.apply(head.head());
                yield compiler.head(
                        owner.checkpoint().config(),
                        owner.type(),
                        checkpoint(head.norm()).source(TensorNames.FINAL_NORM),
                        owner.checkpoint().source(head.tensor()));
            }
            case EmbeddingKey embedding -> {
                LoadedCheckpoint owner = checkpoints.apply(embedding.owner());
                yield compiler.embedding(owner.checkpoint().config(), owner.type(), owner.checkpoint());
            }
        };
    }

    private Checkpoint checkpoint(long id) {
        return checkpoints.apply(id).checkpoint();
    }

    /**
     * Everything that stays with a checkpoint: its layers, made on all cores, its head and its embedding.
     *
     * @throws dev.slayer.surgery.SlayerException if one fails; nothing is left behind then
     */
    static List<PartEntry> all(LoadedCheckpoint checkpoint, PartCompiler compiler) {
        PartMaker maker = new PartMaker(compiler, id -> checkpoint);
        List<PartEntry> made = new ArrayList<>();
        try {
            maker.enter(made, new EmbeddingKey(checkpoint.id(), false));
            maker.enter(made, LoadedCheckpoints.head(checkpoint));
            IntStream.range(0, checkpoint.checkpoint().config().layers())
                    .parallel()
                    .forEach(layer -> maker.enter(made, BlockKey.of(checkpoint, layer)));
        } catch (RuntimeException | Error e) {
            made.forEach(entry -> entry.get().close());
            throw e;
        }
        return made;
    }

    private void enter(List<PartEntry> made, PartKey key) {
        PartEntry entry = new PartEntry(key, bytes(key), CompletableFuture.completedFuture(make(key, Runnable::run)));
        synchronized (made) {
            made.add(entry);
        }
    }
}
