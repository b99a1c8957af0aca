package dev.slayer.server.engine.block;

import dev.slayer.server.onnx.Graph;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.server.onnx.Session;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.Float32Source;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.TensorNames;
import dev.slayer.surgery.layout.Recipe;
import dev.slayer.surgery.recipe.LayerSource;
import dev.slayer.surgery.recipe.RecipeTensors;
import java.lang.foreign.Arena;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.function.BiFunction;

/** Makes blocks of recipes, and heads: computes their weights, converts and packs them. Any thread. */
final class BlockCompiler implements PartCompiler {
    private final OnnxRuntime runtime;

    BlockCompiler(OnnxRuntime runtime) {
        this.runtime = runtime;
    }

    /** Made in two halves, since packing uses one core. */
    @Override
    public Block block(ModelConfig config, WeightType type, Recipe recipe, LayerSource sources, Executor other) {
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

    @Override
    public HeadWeights head(ModelConfig config, WeightType type, Float32Source norm, Float32Source head) {
        try (Arena weights = Arena.ofShared()) {
            BlockGraphs graphs = new BlockGraphs(config, new Matrix(type, weights));
            Session logits = runtime.session(graphs.head(norm, head));
            try {
                return new HeadWeights(logits, runtime.session(graphs.finalNorm(norm)));
            } catch (RuntimeException | Error e) {
                logits.close();
                throw e;
            }
        }
    }

    @Override
    public Embedding embedding(ModelConfig config, WeightType type, Checkpoint checkpoint) {
        return new Embedding(checkpoint.tensor(TensorNames.EMBEDDING));
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
