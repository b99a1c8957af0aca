package dev.slayer.server.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.guide.Constraint;
import dev.slayer.server.guide.Guides;
import dev.slayer.server.text.Tokenizer;
import dev.slayer.surgery.layout.Layout;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Constrained sequences of a model without weights, which by itself goes on in the alphabet. */
class EngineGuidesTest {
    private static final Layout LAYOUT = Layout.identity(2);
    private static final Tokenizer TOKENIZER = Tokenizer.bytes();
    private static final int EOS = TOKENIZER.eosTokenId().orElseThrow();

    private static SequenceRequest request(String regex, StopRules stop) {
        return new SequenceRequest(
                "stub",
                LAYOUT,
                new int[] {'a'},
                Sampling.GREEDY,
                stop,
                new Scores(1, true, false),
                true,
                Optional.of(new Guides().compile(TOKENIZER.vocabulary(), "guided_regex", new Constraint.Regex(regex))));
    }

    private static StopRules most(int maxTokens) {
        return StopRules.after(maxTokens);
    }

    /** Runs all requests at once. */
    private static List<Recorder> run(int vocabulary, SequenceRequest... requests) {
        KvPool pool = new KvPool(1L << 22);
        StubRunner runner = new StubRunner(pool, vocabulary, 'a', 10, EOS, 4096);
        try (Engine engine = Engine.start(
                new EngineSettings(8, 8, 64, 1L << 22),
                pool,
                List.of(new EngineModel("stub", runner, TOKENIZER.vocabulary())),
                new SimpleMeterRegistry())) {
            List<Recorder> recorders = new ArrayList<>();
            for (SequenceRequest request : requests) {
                Recorder recorder = new Recorder();
                recorders.add(recorder);
                engine.submit(request, recorder);
            }
            recorders.forEach(Recorder::await);
            return recorders;
        }
    }

    @Test
    void aTextThatNothingCanFollowEndsWithoutAnotherToken() {
        Recorder recorder = run(300, request("bcx{3}", most(50))).getFirst();
        assertThat(recorder.text()).isEqualTo("bcxxx");
        assertThat(recorder.tokens()).hasSize(5);
        assertThat(recorder.finished().reason()).isEqualTo(FinishReason.STOP);
    }

    @Test
    void theModelChoosesWhetherACompleteTextEnds() {
        // After b it wants c; behind c it wants d, which is not allowed: of c and EOS, equally likely, the lower id
        // wins.
        Recorder goesOn = run(300, request("bc*", most(4))).getFirst();
        assertThat(goesOn.text()).isEqualTo("bccc");
        assertThat(goesOn.finished().reason()).isEqualTo(FinishReason.LENGTH);
        StopRules stopAtC = new StopRules(9, 0, List.of(), Set.of((int) 'c'), false, false);
        assertThat(run(300, request("bc*", stopAtC)).getFirst().text()).isEqualTo("b");
    }

    @Test
    void scoresAreTakenBeforeTheMask() {
        Recorder recorder = run(300, request("x", most(1))).getFirst();
        TokenScore score = recorder.scores().getFirst();
        assertThat(score.token()).isEqualTo('x');
        assertThat(score.rank()).isGreaterThan(1);
        assertThat(score.topTokens()).containsExactly('b');
    }

    @Test
    void whatTheVocabularyCannotSpellFailsThatSequenceAndNoOther() {
        List<Recorder> both = run(110, request("bcz", most(9)), request("b{0,3}c", most(9)));
        assertThat(both.get(0).await()).isInstanceOfSatisfying(SequenceEvent.Failed.class, failed -> {
            assertThat(failed.error().code()).isEqualTo("constraint_dead_end");
            assertThat(failed.error()).hasMessageContaining("cannot spell");
        });
        assertThat(both.get(1).finished().reason()).isEqualTo(FinishReason.STOP);
    }
}
