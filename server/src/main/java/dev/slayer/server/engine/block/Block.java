package dev.slayer.server.engine.block;

import dev.slayer.server.onnx.Binding;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.Session;
import java.lang.foreign.MemorySegment;

/** The weights of one decoder layer, compiled: shared by every slot whose recipe it is. The engine's thread only. */
final class Block implements AutoCloseable {
    private final Session pre;
    private final Session post;
    private final Binding preBinding;
    private final Binding postBinding;

    /** Takes over both sessions. */
    Block(Session pre, Session post) {
        this.pre = pre;
        this.post = post;
        this.preBinding = pre.bind();
        this.postBinding = post.bind();
    }

    /**
     * Norm and projections.
     *
     * @param hidden [rows, hiddenSize]
     * @param qkv [rows, qkvWidth], written
     */
    void pre(int rows, MemorySegment hidden, MemorySegment qkv) {
        preBinding.input("hidden", ElementType.FLOAT, hidden, rows, width(hidden, rows));
        preBinding.output("qkv", ElementType.FLOAT, qkv, rows, width(qkv, rows));
        preBinding.run();
    }

    /**
     * Output projection, MLP and both residuals.
     *
     * @param attention [rows, queryWidth]
     * @param residual [rows, hiddenSize]: what {@link #pre} read
     * @param hidden [rows, hiddenSize], written; not the same memory as residual
     */
    void post(int rows, MemorySegment attention, MemorySegment residual, MemorySegment hidden) {
        postBinding.input("attention", ElementType.FLOAT, attention, rows, width(attention, rows));
        postBinding.input("residual", ElementType.FLOAT, residual, rows, width(residual, rows));
        postBinding.output("hidden", ElementType.FLOAT, hidden, rows, width(hidden, rows));
        postBinding.run();
    }

    private static long width(MemorySegment matrix, int rows) {
        return matrix.byteSize() / Float.BYTES / rows;
    }

    @Override
    public void close() {
        preBinding.close();
        postBinding.close();
        pre.close();
        post.close();
    }
}
