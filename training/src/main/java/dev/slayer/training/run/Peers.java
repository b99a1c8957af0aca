package dev.slayer.training.run;

import org.bytedeco.pytorch.Tensor;

/** The processes that make a step together, each with some rows of the batch. */
public interface Peers extends AutoCloseable {
    /** This process, from 0. */
    int rank();

    /** How many there are. */
    int size();

    /** Puts the sum over all processes in the place of each process's own numbers. All processes call it, in the same order. */
    void sum(Tensor vector);

    /** The sum of a number over all processes. */
    double sum(double value);

    @Override
    void close();

    /** A process that works alone. */
    Peers ALONE = new Peers() {
        @Override
        public int rank() {
            return 0;
        }

        @Override
        public int size() {
            return 1;
        }

        @Override
        public void sum(Tensor vector) {}

        @Override
        public double sum(double value) {
            return value;
        }

        @Override
        public void close() {}
    };
}
