package dev.slayer.server.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What the engine makes of prompts: texts, where they end, and scores. */
class EngineTest extends LettersEngine {
    @Test
    void greedyGenerationEndsAtMaxTokens() {
        start(roomy());
        Recorder recorder = generate("xy", StopRules.after(5));
        assertThat(recorder.text()).isEqualTo("zabcd");
        assertThat(recorder.finished().reason()).isEqualTo(FinishReason.LENGTH);
        assertThat(recorder.tokens()).hasSize(5);
    }

    @Test
    void aPromptLongerThanAStepIsRunInChunks() {
        start(new EngineSettings(2, 10, 4, 1L << 20));
        Recorder recorder = submit(
                request("the longest prompt of all", StopRules.after(3), Sampling.GREEDY, new Scores(1, true, true)));
        assertThat(recorder.text()).isEqualTo("mno");
        assertThat(recorder.promptScores()).hasSize(24);
        assertThat(recorder.promptScores().getLast().token()).isEqualTo('l');
    }

    @Test
    void eosEndsTheTextAndItsTokenIsReported() {
        start(roomy());
        Recorder recorder = submit(request("a", StopRules.after(5), biased(EOS), new Scores(1, true, false)));
        assertThat(recorder.finished())
                .isEqualTo(new SequenceEvent.Finished(FinishReason.STOP, Optional.empty(), "", 0));
        assertThat(recorder.tokens()).containsExactly(EOS);
        assertThat(recorder.scores()).hasSize(1);
    }

    @Test
    void ignoreEosGoesOn() {
        start(roomy());
        StopRules stop = new StopRules(4, 0, List.of(), Set.of(), true, false);
        Recorder recorder = submit(request("a", stop, biased(EOS), Scores.NONE));
        assertThat(recorder.finished().reason()).isEqualTo(FinishReason.LENGTH);
        assertThat(recorder.tokens()).containsExactly(EOS, EOS, EOS, EOS);
    }

    @Test
    void aStopTokenEndsTheTextAndIsNamed() {
        start(roomy());
        Recorder recorder = generate("a", stops(9, 0, List.of(), Set.of((int) 'd')));
        assertThat(recorder.text()).isEqualTo("bc");
        assertThat(recorder.finished().stopReason()).contains((Object) (int) 'd');
    }

    @Test
    void aStopStringAcrossTokensEndsTheTextAndIsNamed() {
        start(roomy());
        Recorder recorder = generate("a", stops(9, 0, List.of("def", "zz"), Set.of()));
        assertThat(recorder.text()).isEqualTo("bc");
        assertThat(recorder.finished().reason()).isEqualTo(FinishReason.STOP);
        assertThat(recorder.finished().stopReason()).contains("def");
    }

    @Test
    void textThatOnlyBeganAStopStringIsShownAtTheEnd() {
        start(roomy());
        Recorder recorder = generate("a", stops(4, 0, List.of("dex"), Set.of()));
        assertThat(recorder.text()).isEqualTo("bcde");
    }

    @Test
    void minTokensHoldsBackEosStopTokensAndStopStrings() {
        start(roomy());
        StopRules stop = stops(9, 4, List.of("c"), Set.of((int) 'z'));
        Recorder recorder = submit(request("a", stop, biased(EOS), Scores.NONE));
        assertThat(recorder.text()).isEqualTo("bcde");
        assertThat(recorder.tokens()).hasSize(5).endsWith(EOS);
    }

    @Test
    void maxTokensZeroScoresThePromptAndGeneratesNothing() {
        start(roomy());
        Recorder recorder = submit(request("abcx", StopRules.after(0), Sampling.GREEDY, new Scores(2, true, true)));
        assertThat(recorder.text()).isEmpty();
        assertThat(recorder.tokens()).isEmpty();
        List<TokenScore> scores = recorder.promptScores();
        assertThat(scores).hasSize(3);
        double sure = 8 - Math.log(Math.exp(8) + 259);
        assertThat(scores.getFirst().logprob()).isCloseTo((float) sure, within(1e-5f));
        assertThat(scores.getFirst().rank()).isEqualTo(1);
        assertThat(scores.getFirst().topTokens()[0]).isEqualTo('b');
        assertThat(scores.getFirst().topLogprobs()[0])
                .isEqualTo(scores.getFirst().logprob());
        assertThat(scores.getLast().token()).isEqualTo('x');
        assertThat(scores.getLast().logprob()).isCloseTo((float) (sure - 8), within(1e-5f));
        assertThat(scores.getLast().rank()).isEqualTo(2);
        assertThat(scores.getLast().topTokens()[0]).isEqualTo('d');
    }

    @Test
    void scoresAreTakenBeforeAnySamplingTransform() {
        start(roomy());
        Sampling odd = new Sampling(0.3, 0.5, 3, 0.1, 1.7, 1, 1, Map.of((int) 'q', 40.0), OptionalLong.of(1));
        Recorder recorder = submit(request("a", StopRules.after(1), odd, new Scores(1, true, false)));
        recorder.finished();
        TokenScore score = recorder.scores().getFirst();
        assertThat(score.token()).isEqualTo('q');
        assertThat(score.logprob()).isCloseTo((float) -Math.log(Math.exp(8) + 259), within(1e-5f));
        assertThat(score.topTokens()).containsExactly('b');
    }

    @Test
    void whereKvRunsOutTheYoungestIsPreemptedAndEverybodyGetsTheSameText() {
        KvPool measure = new KvPool(1L << 30);
        long least = letters(measure).kvBytes(LAYOUT, 310);
        start(new EngineSettings(8, 100, 64, 2 * least));
        List<Recorder> recorders = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            recorders.add(
                    submit(request("abcdefghij", StopRules.after(300), Sampling.GREEDY, new Scores(0, true, true))));
        }
        String expected = recorders.getFirst().text();
        assertThat(expected).hasSize(300).startsWith("klm");
        for (Recorder recorder : recorders) {
            assertThat(recorder.text()).isEqualTo(expected);
            assertThat(recorder.promptScores()).hasSize(9);
            assertThat(recorder.scores()).hasSize(300);
        }
        assertThat(metrics.counter("slayer_num_preemptions").count()).isPositive();
        awaitIdle();
    }

    @Test
    void aTokenThatTheTokenizerDoesNotKnowSaysNothing() {
        KvPool pool = new KvPool(1L << 24);
        start(roomy(), pool, new StubRunner(pool, 400, 'y', 400 - 'y', 5, 4096)); // the byte tokenizer ends at 259
        Recorder recorder = submit(request("x", StopRules.after(150), Sampling.GREEDY, new Scores(1, true, false)));
        assertThat(recorder.finished().reason()).isEqualTo(FinishReason.LENGTH);
        assertThat(recorder.tokens()).hasSize(150).contains(260, 269);
        assertThat(recorder.text()).startsWith("yz{|}~");
    }
}
