package dev.slayer.surgery.checkpoint;

import dev.slayer.surgery.checkpoint.RopeConfig.Scaling;

/**
 * The inverse frequencies of a rotary embedding.
 *
 * <p>Each step is rounded to float32 where transformers rounds: at position 1000 one unit in the last place of a frequency
 * already moves the angle by 6e-5, so more precision here would be less agreement (it divides a number by a tensor as the
 * tensor's reciprocal times the number, and so does this). The powers alone are computed in double and
 * then rounded.
 */
final class RopeFrequencies {
    private RopeFrequencies() {}

    /**
     * Radians by which each pair of dimensions turns per position.
     *
     * @param sequenceLength tokens of the sequence; matters for {@code dynamic} alone
     * @return [headDim / 2]
     */
    static float[] of(ModelConfig config, int sequenceLength) {
        RopeConfig rope = config.rope();
        int headDim = config.headDim();
        return switch (rope.scaling()) {
            case Scaling.None _ -> plain(rope.theta(), headDim);
            case Scaling.Linear linear -> divided(plain(rope.theta(), headDim), (float) linear.factor());
            case Scaling.Dynamic dynamic -> plain(grown(config, dynamic.factor(), sequenceLength), headDim);
            case Scaling.Llama3 llama3 -> llama3(plain(rope.theta(), headDim), llama3);
            case Scaling.Yarn yarn -> yarn(rope.theta(), headDim, yarn);
        };
    }

    /** What cos and sin are multiplied by. */
    static float attentionScaling(RopeConfig rope) {
        return rope.scaling() instanceof Scaling.Yarn yarn ? (float) yarn.attentionFactor() : 1f;
    }

    /** theta^(2i / headDim) for each pair i. */
    private static float wavelength(double theta, int pair, int headDim) {
        return (float) Math.pow(theta, (2f * pair) / headDim);
    }

    private static float[] plain(double theta, int headDim) {
        float[] frequencies = new float[headDim / 2];
        for (int i = 0; i < frequencies.length; i++) {
            frequencies[i] = 1f / wavelength(theta, i, headDim);
        }
        return frequencies;
    }

    private static float[] divided(float[] frequencies, float factor) {
        for (int i = 0; i < frequencies.length; i++) {
            frequencies[i] /= factor;
        }
        return frequencies;
    }

    /** The base of NTK-aware scaling: theta up to the context length, larger beyond. */
    private static double grown(ModelConfig config, double factor, int sequenceLength) {
        double original = config.contextLength();
        double length = Math.max(sequenceLength, original);
        double stretch = factor * length / original - (factor - 1);
        return config.rope().theta() * Math.pow(stretch, config.headDim() / (config.headDim() - 2.0));
    }

    /** Llama 3.1: wavelengths beyond the original context divided by factor, short ones kept, a smooth passage between. */
    private static float[] llama3(float[] frequencies, Scaling.Llama3 settings) {
        float factor = (float) settings.factor();
        float original = settings.originalContextLength();
        float low = (float) settings.lowFreqFactor();
        float band = (float) (settings.highFreqFactor() - settings.lowFreqFactor());
        float longest = (float) (settings.originalContextLength() / settings.lowFreqFactor());
        float shortest = (float) (settings.originalContextLength() / settings.highFreqFactor());
        for (int i = 0; i < frequencies.length; i++) {
            float frequency = frequencies[i];
            float wavelength = 1f / frequency * (float) (2 * Math.PI);
            if (wavelength > longest) {
                frequencies[i] = frequency / factor;
            } else if (wavelength >= shortest) {
                float smooth = (1f / wavelength * original - low) / band;
                frequencies[i] = (1f - smooth) * frequency / factor + smooth * frequency;
            }
        }
        return frequencies;
    }

    /** YaRN (Peng et al. 2023, section 3.2): interpolate slow pairs, keep fast ones, a ramp between. */
    private static float[] yarn(double theta, int headDim, Scaling.Yarn settings) {
        double low = correctionPair(settings.betaFast(), theta, headDim, settings.originalContextLength());
        double high = correctionPair(settings.betaSlow(), theta, headDim, settings.originalContextLength());
        if (settings.truncate()) {
            low = Math.floor(low);
            high = Math.ceil(high);
        }
        low = Math.max(low, 0);
        high = Math.min(high, headDim - 1);
        if (low == high) {
            high += 0.001; // the ramp must have a width
        }
        float[] frequencies = new float[headDim / 2];
        for (int i = 0; i < frequencies.length; i++) {
            float ramp = Math.clamp((i - (float) low) / (float) (high - low), 0f, 1f);
            float wavelength = wavelength(theta, i, headDim);
            float kept = 1f / wavelength;
            float interpolated = 1f / ((float) settings.factor() * wavelength);
            float keep = 1f - ramp;
            frequencies[i] = interpolated * (1f - keep) + kept * keep;
        }
        return frequencies;
    }

    /** The pair, as a real number, that turns the given number of times over the original context. */
    private static double correctionPair(double turns, double theta, int headDim, int contextLength) {
        return headDim * Math.log(contextLength / (turns * 2 * Math.PI)) / (2 * Math.log(theta));
    }
}
