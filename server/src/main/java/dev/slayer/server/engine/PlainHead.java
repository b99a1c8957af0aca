package dev.slayer.server.engine;

/** Scores in plain Java: the obvious twin of a device's scoring head, for runners that have no device. */
public final class PlainHead {
    private PlainHead() {}

    /**
     * Hands over what is wanted of a position.
     *
     * @param index of the chunk in its step
     * @param logits what the model expects after the position: [vocabulary]
     */
    public static void tell(int index, Chunk chunk, int position, float[] logits, Runner.Sink sink) {
        if (chunk.outputs().scores(position)) {
            int next = chunk.tokens()[position + 1];
            sink.score(index, position, score(logits, next, chunk.outputs().top()));
        }
        if (chunk.outputs().logits(position)) {
            sink.logits(index, position, logits);
        }
    }

    /** Score of a token; not a number where the logits have no softmax, as on a device. */
    public static TokenScore score(float[] logits, int token, int top) {
        try {
            return new LogSoftmax(logits, logits.length).score(token, top);
        } catch (LogSoftmax.NotFiniteException e) {
            return new TokenScore(token, Float.NaN, 1, new int[0], new float[0]);
        }
    }
}
