package dev.slayer.server.engine.block;

import dev.slayer.server.onnx.Binding;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.Session;
import java.lang.foreign.MemorySegment;

/** Final norm and head, compiled: shared by every stack that ends in them. The engine's thread only. */
final class HeadWeights implements Part {
    private final Session head;
    private final Session norm;
    private final Binding toLogits;
    private final Binding toNormed;

    /**
     * Takes over the sessions.
     *
     * @param head final norm and head
     * @param norm the final norm alone
     */
    HeadWeights(Session head, Session norm) {
        this.head = head;
        this.norm = norm;
        this.toLogits = head.bind();
        this.toNormed = norm.bind();
    }

    /**
     * Turns rows into logits.
     *
     * @param hidden [rows, hiddenSize]
     * @param logits [rows, vocabulary], written
     */
    void logits(int rows, MemorySegment hidden, MemorySegment logits) {
        run(toLogits, rows, hidden, "logits", logits);
    }

    /**
     * Turns rows into what the head multiplies.
     *
     * @param hidden [rows, hiddenSize]
     * @param normed [rows, hiddenSize], written
     */
    void normed(int rows, MemorySegment hidden, MemorySegment normed) {
        run(toNormed, rows, hidden, "normed", normed);
    }

    private static void run(Binding binding, int rows, MemorySegment hidden, String output, MemorySegment result) {
        binding.input("hidden", ElementType.FLOAT, hidden, rows, width(hidden, rows));
        binding.output(output, ElementType.FLOAT, result, rows, width(result, rows));
        binding.run();
    }

    private static long width(MemorySegment matrix, int rows) {
        return matrix.byteSize() / Float.BYTES / rows;
    }

    @Override
    public void close() {
        toLogits.close();
        toNormed.close();
        head.close();
        norm.close();
    }
}
