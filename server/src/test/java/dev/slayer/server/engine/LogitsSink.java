package dev.slayer.server.engine;

/** Takes rows of logits; nobody may have asked for anything else. */
@FunctionalInterface
public interface LogitsSink extends Runner.Sink {
    @Override
    default void score(int chunk, int position, TokenScore score) {
        throw new AssertionError("a score of position " + position + " that nobody asked for");
    }

    @Override
    default void hidden(int chunk, int position, float[] hidden) {
        throw new AssertionError("a hidden state of position " + position + " that nobody asked for");
    }
}
