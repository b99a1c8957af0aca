package dev.slayer.server.cli.suite;

import dev.slayer.server.engine.Scores;
import dev.slayer.server.engine.SequenceRequest;
import dev.slayer.server.engine.TokenScore;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.layout.Layout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Log-probabilities of a small model on the device against the processor's in float32, for the very same tokens. */
final class NumericsPart {
    static final String NAME = "numerics";

    /** Largest difference of a log-probability in nats: float32 adds up in another order; bfloat16 has 8 bits. */
    private static final double FLOAT32_TOLERANCE = 1e-3;

    private static final double BFLOAT16_TOLERANCE = 0.1;

    private static final int PROMPT = 40;
    private static final int MIXED_TOKENS = 12;
    private static final int REPLAYED_TOKENS = 64;

    /** What the device said of a kind of request. */
    private record Answers(String kind, List<Trace> traces) {}

    List<Figure> measure(Site site, Path work, Duration time) {
        Path folder = RandomCheckpoint.make(Shape.NUMERICS, work).folder();
        Budget budget = Budget.of(time);
        List<Answers> answers;
        try (Bed bed = new Bed(site, Shape.NUMERICS, folder, false)) {
            answers = ask(bed, budget);
        }
        if (site.pagesKv()) {
            try (Bed bed = Bed.atTheEndOfKv(site, Shape.NUMERICS, folder)) {
                Prompts prompts = new Prompts(bed.config().vocabularySize(), 9);
                answers.add(alone(bed, "last KV pages", List.of(bed.base()), prompts, REPLAYED_TOKENS, budget));
            }
        }
        try (Bed reference = new Bed(site.reference(), Shape.NUMERICS, folder, false)) {
            double tolerance = site.type().bits() == 16 ? BFLOAT16_TOLERANCE : FLOAT32_TOLERANCE;
            return answers.stream()
                    .map(one -> compare(reference, one, tolerance, budget))
                    .toList();
        }
    }

    private static List<Answers> ask(Bed bed, Budget budget) {
        Prompts prompts = new Prompts(bed.config().vocabularySize(), 8);
        List<Layout> edited = List.of(
                bed.edited("remove", "2"),
                bed.edited("layers", "0-3,2-5"),
                bed.edited("insert", "2:average"),
                bed.edited("insert", "1:zero"),
                bed.edited("skip", "attn:1,mlp:3"),
                bed.edited("scale", "4:0.5"));
        List<Answers> answers = new ArrayList<>();
        answers.add(alone(bed, "plain", List.of(bed.base()), prompts, 1, budget));
        answers.add(alone(bed, "edited layouts", edited, prompts, 1, budget));
        List<Layout> all = new ArrayList<>(edited);
        all.add(bed.base());
        List<SequenceRequest> together = new ArrayList<>();
        for (Layout layout : all) {
            together.add(request(bed, layout, prompts.next(PROMPT + together.size()), MIXED_TOKENS));
        }
        answers.add(new Answers("mixed steps", whole(Load.run(bed.engine(), together, budget))));
        answers.add(alone(bed, "long decoding, replayed", List.of(bed.base()), prompts, REPLAYED_TOKENS, budget));
        return answers;
    }

    private static Answers alone(
            Bed bed, String kind, List<Layout> layouts, Prompts prompts, int tokens, Budget budget) {
        List<Trace> traces = new ArrayList<>();
        for (Layout layout : layouts) {
            SequenceRequest request = request(bed, layout, prompts.next(PROMPT), tokens);
            traces.addAll(whole(Load.run(bed.engine(), List.of(request), budget)));
        }
        return new Answers(kind, traces);
    }

    private static SequenceRequest request(Bed bed, Layout layout, int[] prompt, int tokens) {
        return bed.generating(layout, prompt, tokens, new Scores(1, true, true));
    }

    private static List<Trace> whole(Load load) {
        if (load.cut()) {
            throw SlayerException.internal("time was up; give more by --part-time", null);
        }
        return load.traces();
    }

    /** The processor scores the tokens that the device was given and those that it drew. */
    private static Figure compare(Bed reference, Answers answers, double tolerance, Budget budget) {
        double largest = 0;
        double sum = 0;
        int count = 0;
        for (Trace trace : answers.traces()) {
            List<TokenScore> said = new ArrayList<>(trace.promptScores());
            said.addAll(trace.scores());
            int[] tokens = new int[said.size() + 1];
            tokens[0] = trace.request().prompt()[0];
            for (int i = 0; i < said.size(); i++) {
                tokens[i + 1] = said.get(i).token();
            }
            SequenceRequest again = reference.scoring(trace.request().layout(), tokens);
            List<TokenScore> wanted = whole(Load.run(reference.engine(), List.of(again), budget))
                    .getFirst()
                    .promptScores();
            for (int i = 0; i < said.size(); i++) {
                double difference =
                        Math.abs(said.get(i).logprob() - wanted.get(i).logprob());
                largest = Double.isNaN(difference) ? Double.NaN : Math.max(largest, difference);
                sum += difference;
                count++;
            }
        }
        String note = String.format(
                Locale.ROOT, "%d tokens, mean %.2g, against the processor in float32", count, sum / count);
        return Figure.of(NAME, "", "largest difference, " + answers.kind(), largest, "nats", note)
                .aiming(Optional.of(Target.most(tolerance)));
    }
}
