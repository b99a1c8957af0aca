package dev.slayer.server.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.text.Tokenizer;
import dev.slayer.surgery.layout.Layout;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;

/** An engine whose model has no weights and counts through the letters, for one test at a time. */
abstract class LettersEngine {
    static final int EOS = 257;
    static final Layout LAYOUT = Layout.identity(2);
    final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    Engine engine;

    @AfterEach
    void close() {
        if (engine != null) {
            engine.close();
            assertThat(engine.status().alive()).isFalse();
        }
    }

    final Engine start(EngineSettings settings) {
        KvPool pool = new KvPool(settings.kvBytes());
        return start(settings, pool, letters(pool));
    }

    final Engine start(EngineSettings settings, KvPool pool, Runner runner) {
        EngineModel model = new EngineModel("stub", runner, Tokenizer.bytes().vocabulary());
        engine = Engine.start(settings, pool, List.of(model), metrics);
        return engine;
    }

    /** After a comes b, after z comes a. */
    static StubRunner letters(KvPool pool) {
        return new StubRunner(pool, 260, 'a', 26, EOS, 4096);
    }

    static EngineSettings roomy() {
        return new EngineSettings(8, 100, 64, 1L << 24);
    }

    static SequenceRequest request(String prompt, StopRules stop, Sampling sampling, Scores scores) {
        int[] tokens = new int[prompt.length()];
        byte[] bytes = prompt.getBytes(StandardCharsets.US_ASCII);
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = bytes[i];
        }
        return new SequenceRequest("stub", LAYOUT, tokens, sampling, stop, scores, true);
    }

    final Recorder submit(SequenceRequest request) {
        Recorder recorder = new Recorder();
        engine.submit(request, recorder);
        return recorder;
    }

    final Recorder generate(String prompt, StopRules stop) {
        return submit(request(prompt, stop, Sampling.GREEDY, Scores.NONE));
    }

    static StopRules stops(int maxTokens, int minTokens, List<String> stop, Set<Integer> ids) {
        return new StopRules(maxTokens, minTokens, stop, ids, false, false);
    }

    static Sampling biased(int token) {
        return new Sampling(0, 1, 0, 0, 1, 0, 0, Map.of(token, 50.0), OptionalLong.empty());
    }

    final void awaitIdle() {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (engine.status().kvBytesUsed() > 0 || engine.status().running() > 0) {
            assertThat(System.nanoTime()).as("still busy: %s", engine.status()).isLessThan(deadline);
            Thread.onSpinWait();
        }
    }
}
