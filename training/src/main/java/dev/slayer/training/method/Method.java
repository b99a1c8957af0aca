package dev.slayer.training.method;

import dev.slayer.surgery.checkpoint.LayerTensor;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/** What of a model is trained. All else is frozen: no gradient, no decay, no memory of an optimizer. */
public sealed interface Method {
    /** The matrices of a layer, in the order of {@link LayerTensor}. */
    Set<LayerTensor> MATRICES = Collections.unmodifiableSet(
            EnumSet.complementOf(EnumSet.of(LayerTensor.INPUT_NORM, LayerTensor.POST_ATTENTION_NORM)));

    /** Slots that have something to train, from 0. */
    SortedSet<Integer> slots();

    /**
     * Whole weights: all nine tensors of some slots, and what stands around the slots. With every slot and all three it is full
     * fine-tuning; with the inserted slots and the head it is the paper's S strategy or Llama Pro. Where head and embedding are
     * one matrix, they stay so if the embedding is trained; a head trained without it becomes a matrix of its own.
     */
    record Weights(SortedSet<Integer> slots, boolean embedding, boolean norm, boolean head) implements Method {
        public Weights {
            slots = frozen(slots);
        }
    }

    /**
     * LoRA (Hu et al., 2021): to some matrices W of some slots, (alpha / rank) B A is added; A starts random, B at 0.
     *
     * @param rank rows of A, columns of B
     * @param alpha weight of the addition, times rank
     * @param dropout share of what A gets that is left out at random in training
     */
    record LowRank(SortedSet<Integer> slots, Set<LayerTensor> matrices, int rank, double alpha, double dropout)
            implements Method {
        public LowRank {
            slots = frozen(slots);
            matrices = checked(matrices);
            positive("rank", rank);
            share(dropout);
        }

        /** Without dropout. */
        public LowRank(SortedSet<Integer> slots, Set<LayerTensor> matrices, int rank, double alpha) {
            this(slots, matrices, rank, alpha, 0);
        }

        /** What the addition is multiplied with. */
        public double scale() {
            return alpha / rank;
        }
    }

    /**
     * AdaLoRA (Zhang et al., 2023): (alpha / rank) B diag(E) A, where those entries of E that matter least are set to 0, until
     * {@code targetRank} a matrix are left in the mean.
     *
     * @param rank at the start, of every matrix
     * @param targetRank in the mean, at the end
     * @param warmup steps before the first entry is taken away
     * @param settled steps at the end in which nothing changes
     * @param interval steps from one choice to the next
     * @param orthogonality weight of the term that keeps rows of A and columns of B orthonormal
     * @param dropout share of what A gets that is left out at random in training
     */
    record Adaptive(
            SortedSet<Integer> slots,
            Set<LayerTensor> matrices,
            int rank,
            int targetRank,
            double alpha,
            int warmup,
            int settled,
            int interval,
            double orthogonality,
            double dropout)
            implements Method {
        public Adaptive {
            slots = frozen(slots);
            matrices = checked(matrices);
            positive("rank", rank);
            positive("targetRank", targetRank);
            positive("interval", interval);
            share(dropout);
            if (targetRank > rank) {
                throw new IllegalArgumentException("targetRank=" + targetRank + " is over rank=" + rank);
            }
        }

        /** What the addition is multiplied with. */
        public double scale() {
            return alpha / rank;
        }
    }

    /**
     * Adapters (Houlsby et al., 2019): after the output projection of attention and of the MLP, up(gelu(down(y))) is added to y.
     *
     * @param size width between down and up
     */
    record Adapters(SortedSet<Integer> slots, int size) implements Method {
        public Adapters {
            slots = frozen(slots);
            positive("size", size);
        }
    }

    private static SortedSet<Integer> frozen(SortedSet<Integer> slots) {
        return Collections.unmodifiableSortedSet(new TreeSet<>(slots));
    }

    private static Set<LayerTensor> checked(Set<LayerTensor> matrices) {
        if (matrices.isEmpty() || !MATRICES.containsAll(matrices)) {
            throw new IllegalArgumentException("matrices must be some of " + MATRICES + ", not " + matrices);
        }
        return Collections.unmodifiableSet(EnumSet.copyOf(matrices));
    }

    private static void share(double dropout) {
        if (!(dropout >= 0 && dropout < 1)) {
            throw new IllegalArgumentException("dropout=" + dropout + " must be from 0 to below 1");
        }
    }

    private static void positive(String name, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(name + "=" + value + " must be at least 1");
        }
    }
}
