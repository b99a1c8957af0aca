package dev.slayer.server.api;

import dev.slayer.server.engine.Divergence;
import dev.slayer.server.engine.SequenceEvent.Distribution;
import dev.slayer.surgery.SlayerException;

/**
 * How likely the tokens of an answer are under one variant, and for the reference's answer how far that variant's distributions are
 * from the reference's. Takes distributions on the engine's thread, where a row costs as much as its softmax did and far less than
 * the model; the event loop reads the outcome after the sequence has ended.
 */
final class AbScoring {
    private final int[] answer;
    private final int from;
    private final Rows rows;
    private final boolean keeps;
    private final float[] logprobs;
    private final double[] kl;
    private int agreements;
    private int taken;

    private AbScoring(int[] answer, int from, Rows rows, boolean keeps) {
        this.answer = answer;
        this.from = from;
        this.rows = rows;
        this.keeps = keeps;
        this.logprobs = new float[answer.length];
        this.kl = new double[rows == null || keeps ? 0 : answer.length];
    }

    /** Distributions of the reference over its own answer. Filled by the engine's thread, then only read. */
    static final class Rows {
        private final float[][] rows;
        private final int[] top;

        Rows(int tokens) {
            rows = new float[tokens][];
            top = new int[tokens];
        }
    }

    /**
     * Only the tokens.
     *
     * @param from the position that predicts the answer's first token
     */
    static AbScoring of(int[] answer, int from) {
        return new AbScoring(answer, from, null, false);
    }

    /** The reference's own, whose distributions are kept. */
    static AbScoring keeping(int[] answer, int from, Rows rows) {
        return new AbScoring(answer, from, rows, true);
    }

    /** Another variant's, whose distributions are compared as they come. */
    static AbScoring comparing(int[] answer, int from, Rows rows) {
        return new AbScoring(answer, from, rows, false);
    }

    /** On the engine's thread. */
    void take(Distribution row) {
        int at = row.position() - from;
        if (at != taken || at >= answer.length) {
            return; // noticed at the end
        }
        logprobs[at] = row.logprobs()[answer[at]];
        if (keeps) {
            rows.rows[at] = row.logprobs().clone();
            rows.top[at] = Divergence.top(row.logprobs());
        } else if (rows != null) {
            kl[at] = Divergence.kl(rows.rows[at], row.logprobs());
            agreements += rows.top[at] == Divergence.top(row.logprobs()) ? 1 : 0;
        }
        taken++;
    }

    /** Whether it compares with the reference. */
    boolean compares() {
        return rows != null && !keeps;
    }

    /** Whether these are the reference's own distributions. */
    boolean keeps() {
        return keeps;
    }

    /** Of each token of the answer. @throws SlayerException 500 if distributions are missing */
    float[] logprobs() {
        if (taken != answer.length) {
            throw SlayerException.internal(
                    "The engine gave " + taken + " distributions for an answer of " + answer.length + " tokens.", null);
        }
        return logprobs;
    }

    /** KL(reference || variant) at each position, in nats: [answer]. */
    double[] kl() {
        return kl;
    }

    /** Positions where both have the same most probable token. */
    int agreements() {
        return agreements;
    }
}
