package dev.slayer.server.cli.suite;

import dev.slayer.surgery.checkpoint.ModelConfig;

/**
 * What work a stack of a model's layers costs.
 *
 * @param config of the model
 * @param depth slots of the stack
 * @param elementBytes of weights and KV
 */
record ModelCosts(ModelConfig config, int depth, int elementBytes) {
    /** Numbers of the matrices that every row passes but the head. */
    private double stackNumbers() {
        return (double) config.parameters().layer() * depth;
    }

    private double headNumbers() {
        return (double) config.vocabularySize() * config.hiddenSize();
    }

    /** Keys and values of one row, all slots. */
    double kvRowBytes() {
        return 2.0 * depth * config.kvWidth() * elementBytes;
    }

    /**
     * A step that generates one token for each of several sequences: all weights once, and each sequence's KV.
     *
     * @param rows of KV of all sequences together
     */
    Cost decodeStep(int sequences, double rows) {
        double bytes = (stackNumbers() + headNumbers()) * elementBytes + rows * kvRowBytes();
        return new Cost(bytes, operations(sequences, rows, sequences));
    }

    /**
     * Prompts read in large steps, in which weights count for nothing beside the arithmetic.
     *
     * @param tokens of all prompts
     * @param seen rows that each token attends to, itself among them, summed
     * @param heads rows that the head is applied to
     */
    Cost prefill(double tokens, double seen, double heads) {
        return new Cost(0, operations(tokens, seen, heads));
    }

    private double operations(double tokens, double seen, double heads) {
        return 2 * stackNumbers() * tokens + 2 * headNumbers() * heads + 4.0 * config.queryWidth() * depth * seen;
    }

    /** Rows that the tokens of a prompt attend to, summed, where so many of its beginning are there already. */
    static double seen(double length, double cached) {
        return (length * (length + 1) - cached * (cached + 1)) / 2;
    }
}
