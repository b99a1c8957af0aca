package dev.slayer.training.optimize;

import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.training.method.Method;
import dev.slayer.training.method.TrainableParts;
import dev.slayer.training.model.Parameters;
import dev.slayer.training.torch.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;

/**
 * AdaLoRA's allocation of rank (Zhang et al., 2023, section 3): how much each entry of the diagonals matters is estimated from
 * |weight times gradient|, smoothed over the steps; the least important ones are set to 0, more of them as the run goes on, along a
 * cubic. From then on a matrix has the rank that is left. The training thread only.
 */
public final class RankAllocator implements AutoCloseable {
    private static final double SMOOTHING = 0.85;

    private final Method.Adaptive method;
    private final Parameters parameters;
    private final long totalSteps;
    private final List<Matrix> matrices = new ArrayList<>();
    /** Smoothed |weight times gradient| of every parameter, and how much it varies around that. */
    private final Tensor sensitivity;

    private final Tensor uncertainty;
    /** For each matrix which entries of its diagonal are left. */
    private boolean[][] left;

    private record Matrix(int slot, LayerTensor tensor) {
        String factor(String name) {
            return TrainableParts.factor(tensor, slot, name);
        }
    }

    /**
     * @param parameters those of the method and no others
     * @param totalSteps of the run; there must be some between the first choice and the last
     */
    RankAllocator(Method.Adaptive method, Parameters parameters, long totalSteps) {
        if (method.warmup() + (long) method.settled() >= totalSteps) {
            throw new IllegalArgumentException("warmup=" + method.warmup() + " and settled=" + method.settled()
                    + " leave none of " + totalSteps + " steps to choose ranks in");
        }
        this.method = method;
        this.parameters = parameters;
        this.totalSteps = totalSteps;
        method.slots().forEach(slot -> method.matrices().forEach(tensor -> matrices.add(new Matrix(slot, tensor))));
        sensitivity = parameters.zeros();
        try {
            uncertainty = parameters.zeros();
        } catch (RuntimeException e) {
            sensitivity.close();
            throw e;
        }
        left = new boolean[matrices.size()][method.rank()];
        Arrays.stream(left).forEach(entries -> Arrays.fill(entries, true));
    }

    /**
     * Adds the gradient of the term that keeps the rows of each A and the columns of each B orthonormal: its weight times the mean
     * of the Frobenius norms of A A' - I and B' B - I.
     */
    void regularize() {
        double weight = method.orthogonality() / (2 * matrices.size());
        if (weight == 0) {
            return;
        }
        for (Matrix matrix : matrices) {
            try (PointerScope _ = new PointerScope()) {
                Tensor a = parameters.leaf(matrix.factor("lora_A"));
                Tensor b = parameters.leaf(matrix.factor("lora_B"));
                Tensor identity = parameters.placement().identity(method.rank());
                Tensor sum = distance(a.matmul(a.t()), identity).add(distance(b.t().matmul(b), identity));
                sum.mul(new Scalar(weight)).backward();
            }
        }
    }

    private static Tensor distance(Tensor product, Tensor identity) {
        return product.sub(identity).square().sum().sqrt();
    }

    /**
     * After the weights of a step have changed and before its gradients are cleared: estimates, and takes entries away where it
     * is time for it.
     *
     * @param step number of the step, from 1
     */
    void update(long step) {
        long end = totalSteps - method.settled();
        try (PointerScope _ = new PointerScope();
                NoGradGuard _ = new NoGradGuard()) {
            if (step < end) {
                estimate();
            }
            if (step > method.warmup() && step <= end && (step == end || step % method.interval() == 0)) {
                choose(budget(step));
            }
            apply();
        }
    }

    private void estimate() {
        Tensor now = parameters.values().mul(parameters.gradients()).abs();
        var _ = sensitivity.lerp_(now, new Scalar(1 - SMOOTHING));
        var _ = uncertainty.lerp_(now.sub(sensitivity).abs(), new Scalar(1 - SMOOTHING));
    }

    /** How many entries may be left after a step: all at the end of the warm-up, then fewer along a cubic. */
    long budget(long step) {
        long first = (long) matrices.size() * method.rank();
        long last = (long) matrices.size() * method.targetRank();
        long end = totalSteps - method.settled();
        if (step <= method.warmup()) {
            return first;
        }
        if (step >= end) {
            return last;
        }
        double rest = 1 - (step - method.warmup()) / (double) (end - method.warmup());
        return last + (long) ((first - last) * rest * rest * rest);
    }

    /** Keeps the most important entries. Ties go to the earlier matrix. */
    private void choose(long budget) {
        float[] scores = new float[matrices.size() * method.rank()];
        for (int i = 0; i < matrices.size(); i++) {
            float[] some = scores(matrices.get(i));
            System.arraycopy(some, 0, scores, i * method.rank(), some.length);
        }
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < scores.length; i++) {
            order.add(i);
        }
        order.sort((one, other) -> Float.compare(scores[other], scores[one]));
        left = new boolean[matrices.size()][method.rank()];
        for (int i = 0; i < budget; i++) {
            left[order.get(i) / method.rank()][order.get(i) % method.rank()] = true;
        }
    }

    /** Of each entry of a diagonal: its own score, and the mean scores of its row of A and its column of B. */
    private float[] scores(Matrix matrix) {
        Tensor a = score(matrix.factor("lora_A")).mean(new long[] {1}, false, new ScalarTypeOptional());
        Tensor b = score(matrix.factor("lora_B")).mean(new long[] {0}, false, new ScalarTypeOptional());
        return Tensors.floats(score(matrix.factor("lora_E")).add(a).add(b));
    }

    private Tensor score(String name) {
        Parameters.Entry entry = parameters.entry(name);
        long size = entry.spec().elements();
        long[] shape = entry.spec().shape().stream().mapToLong(Long::longValue).toArray();
        Tensor mean = sensitivity.narrow(0, entry.offset(), size);
        return mean.mul(uncertainty.narrow(0, entry.offset(), size)).view(shape);
    }

    private void apply() {
        for (int i = 0; i < matrices.size(); i++) {
            float[] kept = new float[method.rank()];
            for (int entry = 0; entry < kept.length; entry++) {
                kept[entry] = left[i][entry] ? 1 : 0;
            }
            var _ = parameters
                    .leaf(matrices.get(i).factor("lora_E"))
                    .mul_(parameters.placement().of(kept, kept.length));
        }
    }

    /**
     * What is left of each matrix: Figure 4 of the paper.
     *
     * @return rank by slot and matrix, in their order
     */
    public Map<Integer, Map<LayerTensor, Integer>> ranks() {
        Map<Integer, Map<LayerTensor, Integer>> ranks = new LinkedHashMap<>();
        for (int i = 0; i < matrices.size(); i++) {
            int rank = 0;
            for (boolean entry : left[i]) {
                rank += entry ? 1 : 0;
            }
            ranks.computeIfAbsent(matrices.get(i).slot(), _ -> new LinkedHashMap<>())
                    .put(matrices.get(i).tensor(), rank);
        }
        return ranks;
    }

    /** Smoothed importance of every parameter. */
    Tensor sensitivity() {
        return sensitivity;
    }

    /** How much it varies. */
    Tensor uncertainty() {
        return uncertainty;
    }

    /** Which entries are left, one number each, matrix after matrix: 1 or 0. */
    float[] mask() {
        float[] mask = new float[matrices.size() * method.rank()];
        for (int i = 0; i < mask.length; i++) {
            mask[i] = left[i / method.rank()][i % method.rank()] ? 1 : 0;
        }
        return mask;
    }

    /** Goes on with a {@link #mask} of an earlier run. */
    void mask(float[] mask) {
        for (int i = 0; i < mask.length; i++) {
            left[i / method.rank()][i % method.rank()] = mask[i] != 0;
        }
    }

    @Override
    public void close() {
        sensitivity.close();
        uncertainty.close();
    }
}
