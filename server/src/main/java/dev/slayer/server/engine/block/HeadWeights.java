package dev.slayer.server.engine.block;

import dev.slayer.server.onnx.Binding;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.Session;
import java.lang.foreign.MemorySegment;

/** Final norm and head, compiled: shared by every stack that ends in them. The engine's thread only. */
final class HeadWeights implements Part {
    private final Session session;
    private final Binding binding;

    /** Takes over the session. */
    HeadWeights(Session session) {
        this.session = session;
        this.binding = session.bind();
    }

    /**
     * Turns rows into logits.
     *
     * @param hidden [rows, hiddenSize]
     * @param logits [rows, vocabulary], written
     */
    void logits(int rows, MemorySegment hidden, MemorySegment logits) {
        binding.input("hidden", ElementType.FLOAT, hidden, rows, width(hidden, rows));
        binding.output("logits", ElementType.FLOAT, logits, rows, width(logits, rows));
        binding.run();
    }

    private static long width(MemorySegment matrix, int rows) {
        return matrix.byteSize() / Float.BYTES / rows;
    }

    @Override
    public void close() {
        binding.close();
        session.close();
    }
}
