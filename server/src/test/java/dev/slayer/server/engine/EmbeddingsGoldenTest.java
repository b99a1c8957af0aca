package dev.slayer.server.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.slayer.server.engine.block.CpuDevice;
import dev.slayer.server.engine.block.DerivedBlocks;
import dev.slayer.server.engine.block.WeightType;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.golden.GoldenEmbeddings;
import dev.slayer.server.golden.GoldenEmbeddings.Embedding;
import dev.slayer.server.text.Tokenizer;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Namespace;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** Pooled hidden states against transformers' numbers: of every stack, alone, all at once, and after the prefix cache has filled. */
class EmbeddingsGoldenTest {
    static final List<String> CHECKPOINTS = Golden.CHECKPOINTS;

    /** Prompts of 300 tokens take many steps. */
    private static final int STEP = 48;

    private static CpuDevice device;

    @BeforeAll
    static void open() {
        device = CpuDevice.open(2, DerivedBlocks.DEFAULTS);
    }

    @AfterAll
    static void close() {
        device.close();
    }

    /** A golden checkpoint, and those that its layouts take layers of, being served. */
    private static final class Served implements AutoCloseable {
        final GoldenEmbeddings.Model golden;
        final Map<String, Checkpoint> checkpoints = new LinkedHashMap<>();
        final Tokenizer tokenizer;
        final Engine engine;

        Served(String name) {
            golden = GoldenEmbeddings.of(name);
            tokenizer = Tokenizer.load(Golden.checkpoint(name));
            checkpoints.put(name, Checkpoint.open(Golden.checkpoint(name)));
            golden.others()
                    .forEach((alias, other) -> checkpoints.put(alias, Checkpoint.open(Golden.checkpoint(other))));
            EngineSettings settings = new EngineSettings(32, 100, STEP, 1L << 28, 1L << 26);
            KvPool pool = new KvPool(settings.kvBytes());
            List<EngineModel> models = new ArrayList<>();
            checkpoints.forEach((alias, checkpoint) -> models.add(new EngineModel(
                    alias,
                    device.runner(alias, checkpoint, WeightType.FP32, pool, settings.maxBatchTokens()),
                    tokenizer.vocabulary())));
            engine = Engine.start(settings, pool, models, new SimpleMeterRegistry());
        }

        Recorder submit(SequenceRequest request) {
            Recorder recorder = new Recorder();
            engine.submit(request, recorder);
            return recorder;
        }

        SequenceRequest pooled(Embedding embedding, Pooling pooling) {
            return SequenceRequest.pooled(golden.name(), layout(embedding.layout()), embedding.ids(), pooling);
        }

        /** Eight tokens after the same prompt, with scores. */
        SequenceRequest generating(Embedding embedding) {
            return new SequenceRequest(
                    golden.name(),
                    layout(embedding.layout()),
                    embedding.ids(),
                    Sampling.GREEDY,
                    StopRules.after(8),
                    new Scores(1, true, true),
                    true);
        }

        private Layout layout(String text) {
            Checkpoint base = checkpoints.get(golden.name());
            Namespace names = name -> Optional.ofNullable(checkpoints.get(name)).map(Checkpoint::config);
            return text.isEmpty() ? Layout.identity(base.config().layers()) : Layout.parse(text, base.config(), names);
        }

        @Override
        public void close() {
            engine.close();
            tokenizer.close();
            checkpoints.values().forEach(Checkpoint::close);
        }
    }

    @ParameterizedTest
    @FieldSource("CHECKPOINTS")
    void everyStackGivesTransformersHiddenStatesAlone(String name) {
        try (Served served = new Served(name)) {
            assertThat(served.golden.layouts()).hasSize(3);
            for (Embedding embedding : served.golden.embeddings()) {
                Recorder mean = served.submit(served.pooled(embedding, Pooling.MEAN));
                assertThat(mean.finished().reason()).isEqualTo(FinishReason.LENGTH);
                assertClose(mean.pooled(), embedding.mean(), 1e-3, embedding + ", mean");
                assertThat(mean.finished().cachedTokens())
                        .as("a mean takes every row of " + embedding)
                        .isZero();
                Recorder last = served.submit(served.pooled(embedding, Pooling.LAST));
                last.finished();
                assertClose(last.pooled(), embedding.last(), 1e-3, embedding + ", last");
                assertThat(last.finished().cachedTokens()).isEqualTo(embedding.ids().length - 1);
            }
        }
    }

    @ParameterizedTest
    @FieldSource("CHECKPOINTS")
    void stacksTogetherBesideRequestsThatGenerateGiveWhatTheyGiveAlone(String name) {
        List<float[]> alone = new ArrayList<>();
        List<int[]> answers = new ArrayList<>();
        try (Served served = new Served(name)) {
            for (Embedding embedding : served.golden.embeddings()) {
                Recorder mean = served.submit(served.pooled(embedding, Pooling.MEAN));
                mean.finished();
                alone.add(mean.pooled());
                Recorder answer = served.submit(served.generating(embedding));
                answer.finished();
                answers.add(answer.tokens());
            }
        }
        try (Served served = new Served(name)) {
            List<Recorder> together = new ArrayList<>();
            List<Recorder> generating = new ArrayList<>();
            for (Embedding embedding : served.golden.embeddings()) {
                together.add(served.submit(served.pooled(embedding, Pooling.MEAN)));
                generating.add(served.submit(served.generating(embedding)));
            }
            for (int i = 0; i < together.size(); i++) {
                Embedding embedding = served.golden.embeddings().get(i);
                together.get(i).finished();
                generating.get(i).finished();
                double[] expected = new double[alone.get(i).length];
                for (int place = 0; place < expected.length; place++) {
                    expected[place] = alone.get(i)[place];
                }
                assertClose(together.get(i).pooled(), expected, 1e-4, embedding + " among others");
                assertThat(generating.get(i).tokens()).isEqualTo(answers.get(i));
            }
        }
    }

    private static void assertClose(float[] actual, double[] expected, double tolerance, String what) {
        assertThat(actual).as(what).hasSize(expected.length);
        for (int i = 0; i < expected.length; i++) {
            assertThat((double) actual[i]).as("%s, place %d", what, i).isCloseTo(expected[i], within(tolerance));
        }
    }
}
