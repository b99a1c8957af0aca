package dev.slayer.server.engine.block;

import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.RopeTable;
import dev.slayer.surgery.checkpoint.Tensor;
import dev.slayer.surgery.checkpoint.TensorNames;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Recipe;
import java.lang.foreign.MemorySegment;

/**
 * The same model in plain Java, slow and obvious: one sequence, no cache, every row computed again. The naive twin of the block
 * graphs.
 */
final class ReferenceModel {
    private final Checkpoint checkpoint;
    private final ModelConfig config;

    ReferenceModel(Checkpoint checkpoint) {
        this.checkpoint = checkpoint;
        this.config = checkpoint.config();
    }

    /** Logits of every position: [tokens, vocabulary]. */
    float[][] logits(Layout layout, int[] tokens) {
        float[][] hidden = new float[tokens.length][];
        for (int t = 0; t < tokens.length; t++) {
            hidden[t] = row(checkpoint.tensor(TensorNames.EMBEDDING), tokens[t]);
        }
        for (var slot : layout.slots()) {
            int layer = ((Recipe.Plain) slot.recipe()).layer().layer();
            hidden = post(layer, attend(pre(layer, hidden)), hidden);
        }
        return multiply(
                norm(hidden, checkpoint.tensor(TensorNames.FINAL_NORM)), checkpoint.tensor(TensorNames.head(config)));
    }

    /** Norm, then queries, keys and values side by side: [tokens, qkvWidth]. */
    float[][] pre(int layer, float[][] hidden) {
        float[][] normed = norm(hidden, tensor(layer, LayerTensor.INPUT_NORM));
        float[][] q = multiply(normed, tensor(layer, LayerTensor.QUERY));
        float[][] k = multiply(normed, tensor(layer, LayerTensor.KEY));
        float[][] v = multiply(normed, tensor(layer, LayerTensor.VALUE));
        float[][] qkv = new float[hidden.length][config.queryWidth() + 2 * config.kvWidth()];
        for (int t = 0; t < hidden.length; t++) {
            System.arraycopy(q[t], 0, qkv[t], 0, config.queryWidth());
            System.arraycopy(k[t], 0, qkv[t], config.queryWidth(), config.kvWidth());
            System.arraycopy(v[t], 0, qkv[t], config.queryWidth() + config.kvWidth(), config.kvWidth());
        }
        return qkv;
    }

    /** Causal attention, within the sliding window if there is one: [tokens, queryWidth]. */
    float[][] attend(float[][] qkv) {
        int d = config.headDim();
        RopeTable rope = RopeTable.of(config, qkv.length);
        float[][] turned = new float[qkv.length][];
        for (int t = 0; t < qkv.length; t++) {
            turned[t] = qkv[t].clone();
            for (int head = 0; head < config.heads() + config.kvHeads(); head++) {
                rotate(turned[t], head * d, rope, t);
            }
        }
        float[][] out = new float[qkv.length][config.queryWidth()];
        for (int t = 0; t < qkv.length; t++) {
            int first = Math.max(0, t + 1 - config.slidingWindow().orElse(Integer.MAX_VALUE));
            for (int head = 0; head < config.heads(); head++) {
                int kvHead = head / (config.heads() / config.kvHeads());
                int keyAt = config.queryWidth() + kvHead * d;
                int valueAt = keyAt + config.kvWidth();
                double[] weights = weights(turned, t, first, head * d, keyAt);
                for (int i = 0; i < d; i++) {
                    double sum = 0;
                    for (int s = first; s <= t; s++) {
                        sum += weights[s - first] * turned[s][valueAt + i];
                    }
                    out[t][head * d + i] = (float) sum;
                }
            }
        }
        return out;
    }

    private double[] weights(float[][] qkv, int t, int first, int queryAt, int keyAt) {
        double[] weights = new double[t + 1 - first];
        double max = Double.NEGATIVE_INFINITY;
        for (int s = first; s <= t; s++) {
            double dot = 0;
            for (int i = 0; i < config.headDim(); i++) {
                dot += qkv[t][queryAt + i] * qkv[s][keyAt + i];
            }
            weights[s - first] = dot / Math.sqrt(config.headDim());
            max = Math.max(max, weights[s - first]);
        }
        double sum = 0;
        for (int i = 0; i < weights.length; i++) {
            weights[i] = Math.exp(weights[i] - max);
            sum += weights[i];
        }
        for (int i = 0; i < weights.length; i++) {
            weights[i] /= sum;
        }
        return weights;
    }

    private void rotate(float[] row, int at, RopeTable rope, int position) {
        int half = config.headDim() / 2;
        for (int i = 0; i < half; i++) {
            float cos = rope.cos()[position * half + i];
            float sin = rope.sin()[position * half + i];
            float a = row[at + i];
            float b = row[at + half + i];
            row[at + i] = a * cos - b * sin;
            row[at + half + i] = b * cos + a * sin;
        }
    }

    /** Output projection, residual, norm, gated MLP, residual: [tokens, hidden]. */
    float[][] post(int layer, float[][] attention, float[][] residual) {
        float[][] sum = add(multiply(attention, tensor(layer, LayerTensor.ATTENTION_OUTPUT)), residual);
        float[][] normed = norm(sum, tensor(layer, LayerTensor.POST_ATTENTION_NORM));
        float[][] gate = multiply(normed, tensor(layer, LayerTensor.GATE));
        float[][] up = multiply(normed, tensor(layer, LayerTensor.UP));
        for (int t = 0; t < gate.length; t++) {
            for (int i = 0; i < gate[t].length; i++) {
                gate[t][i] = (float) (gate[t][i] / (1 + Math.exp(-gate[t][i])) * up[t][i]);
            }
        }
        return add(multiply(gate, tensor(layer, LayerTensor.DOWN)), sum);
    }

    private float[][] norm(float[][] x, Tensor weight) {
        float[] gamma = all(weight);
        float[][] y = new float[x.length][];
        for (int t = 0; t < x.length; t++) {
            double squares = 0;
            for (float value : x[t]) {
                squares += (double) value * value;
            }
            double scale = 1 / Math.sqrt(squares / gamma.length + config.rmsNormEps());
            y[t] = new float[gamma.length];
            for (int i = 0; i < gamma.length; i++) {
                y[t][i] = (float) (x[t][i] * scale * gamma[i]);
            }
        }
        return y;
    }

    /** x [tokens, in] times the transpose of weight [out, in]. */
    private static float[][] multiply(float[][] x, Tensor weight) {
        int out = Math.toIntExact(weight.shape().getFirst());
        float[][] y = new float[x.length][out];
        for (int o = 0; o < out; o++) {
            float[] w = row(weight, o);
            for (int t = 0; t < x.length; t++) {
                double sum = 0;
                for (int i = 0; i < w.length; i++) {
                    sum += x[t][i] * w[i];
                }
                y[t][o] = (float) sum;
            }
        }
        return y;
    }

    private static float[][] add(float[][] a, float[][] b) {
        float[][] sum = new float[a.length][];
        for (int t = 0; t < a.length; t++) {
            sum[t] = new float[a[t].length];
            for (int i = 0; i < sum[t].length; i++) {
                sum[t][i] = a[t][i] + b[t][i];
            }
        }
        return sum;
    }

    private Tensor tensor(int layer, LayerTensor tensor) {
        return checkpoint.tensor(tensor.name(layer));
    }

    private static float[] row(Tensor matrix, int row) {
        int width = Math.toIntExact(matrix.shape().getLast());
        float[] values = new float[width];
        matrix.toFloat32((long) row * width, MemorySegment.ofArray(values));
        return values;
    }

    private static float[] all(Tensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.elements())];
        tensor.toFloat32(0, MemorySegment.ofArray(values));
        return values;
    }
}
