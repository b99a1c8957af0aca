package dev.slayer.server.cli.suite;

import java.util.List;

/**
 * How much the measurements ask of a model. Lengths are in tokens.
 *
 * @param engine limits of the engine
 * @param decode many sequences that only generate
 * @param prefill prompts that nobody continues
 * @param offline prompts and answers of one length
 * @param scoring items with four choices
 * @param layouts stacks that were never seen
 * @param training rows of a step
 * @param product a matrix product's m, n and k
 * @param copyBytes of a copy
 */
public record Scale(
        EngineScale engine,
        Decode decode,
        Prefill prefill,
        Offline offline,
        Scoring scoring,
        Layouts layouts,
        Training training,
        List<Integer> product,
        long copyBytes) {
    /** For models of some billion parameters on a GPU. */
    static final Scale LARGE = new Scale(
            new EngineScale(8192, 256, 8L << 30),
            new Decode(List.of(1, 8, 64, 256), 512, 256),
            new Prefill(64, 2048),
            new Offline(512, 1000, 1000),
            new Scoring(100, 600, 60, 5, 10),
            new Layouts(128, 31, 12, 64),
            new Training(4, 2048),
            List.of(4096, 4096, 14_336),
            2L << 30);

    /** For tests on a processor. */
    static final Scale SMALL = new Scale(
            new EngineScale(128, 32, 16L << 20),
            new Decode(List.of(1, 8), 16, 24),
            new Prefill(8, 96),
            new Offline(16, 32, 16),
            new Scoring(6, 48, 12, 4, 2),
            new Layouts(16, 6, 3, 40),
            new Training(2, 32),
            List.of(1024, 1024, 1024),
            64L << 20);

    /**
     * @param prefixBytes of the prefix cache, where it is on
     */
    record EngineScale(int maxRows, int maxSequences, long prefixBytes) {}

    /**
     * @param batches sequences at once, one measurement each
     */
    record Decode(List<Integer> batches, int prompt, int tokens) {}

    /**
     * @param prompts how many
     */
    record Prefill(int prompts, int length) {}

    /**
     * @param sequences how many
     */
    record Offline(int sequences, int prompt, int tokens) {}

    /**
     * Four-choice items.
     *
     * @param items how many
     * @param shots what all begin with
     * @param question what the four choices of an item share after it
     * @param choice each choice
     * @param sweepItems how many of them each removal is scored on
     */
    record Scoring(int items, int shots, int question, int choice, int sweepItems) {}

    /**
     * New stacks.
     *
     * @param prompt before the one token that is waited for
     * @param removals how many stacks without a pair of layers
     * @param averages how many stacks with an averaged block
     * @param tokens that each of 16 stacks generates
     */
    record Layouts(int prompt, int removals, int averages, int tokens) {}

    /**
     * @param rows computed at a time
     */
    record Training(int rows, int length) {}
}
