package dev.slayer.server.engine.block;

import dev.slayer.server.onnx.Graph;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.server.onnx.Session;
import dev.slayer.surgery.checkpoint.Float32Source;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Recipe;
import dev.slayer.surgery.recipe.LayerSource;
import dev.slayer.surgery.recipe.RecipeTensors;
import java.lang.foreign.Arena;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.function.BiFunction;

/** Makes blocks of recipes, and heads: computes their weights, converts and packs them. Any thread. */
final class BlockCompiler {
    private final OnnxRuntime runtime;

    BlockCompiler(OnnxRuntime runtime) {
        this.runtime = runtime;
    }

    /**
     * A block, made in two halves, since packing uses one core.
     *
     * @param config of the base
     * @param sources the checkpoints that the recipe names
     * @param other what makes the first half while the caller makes the second
     * @throws dev.slayer.surgery.SlayerException if a tensor cannot be read or the runtime refuses
     */
    Block compile(ModelConfig config, WeightType type, Recipe recipe, LayerSource sources, Executor other) {
        CompletableFuture<Session> pre =
                CompletableFuture.supplyAsync(() -> half(config, type, recipe, sources, BlockGraphs::pre), other);
        Session post;
        try {
            post = half(config, type, recipe, sources, BlockGraphs::post);
        } catch (RuntimeException | Error e) {
            pre.handle((session, failure) -> session)
                    .thenAccept(BlockCompiler::closeIfMade)
                    .join();
            throw e;
        }
        try {
            return new Block(pre.join(), post);
        } catch (CompletionException e) {
            post.close();
            throw e.getCause() instanceof RuntimeException cause ? cause : e;
        }
    }

    /**
     * A head.
     *
     * @param config of the checkpoint that the matrix is of
     * @param norm [hidden]
     * @param head [vocabulary, hidden]
     * @throws dev.slayer.surgery.SlayerException if a tensor cannot be read or the runtime refuses
     */
    HeadWeights head(ModelConfig config, WeightType type, Float32Source norm, Float32Source head) {
        try (Arena weights = Arena.ofShared()) {
            BlockGraphs graphs = new BlockGraphs(config, new Matrix(type, weights));
            return new HeadWeights(runtime.session(graphs.head(norm, head)));
        }
    }

    private static void closeIfMade(Session session) {
        if (session != null) {
            session.close();
        }
    }

    private Session half(
            ModelConfig config,
            WeightType type,
            Recipe recipe,
            LayerSource sources,
            BiFunction<BlockGraphs, BlockGraphs.LayerWeights, Graph> graph) {
        try (Arena weights = Arena.ofShared()) {
            BlockGraphs graphs = new BlockGraphs(config, new Matrix(type, weights));
            return runtime.session(graph.apply(graphs, tensor -> RecipeTensors.read(recipe, tensor, sources)));
        }
    }
}
