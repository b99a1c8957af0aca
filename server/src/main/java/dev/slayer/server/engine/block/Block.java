package dev.slayer.server.engine.block;

import dev.slayer.server.onnx.Binding;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.Session;
import java.lang.foreign.MemorySegment;

/** The weights of one decoder layer, compiled: shared by every slot whose recipe it is. The engine's thread only. */
final class Block implements Part {
    private final Session pre;
    private final Session post;
    private final Binding preBinding;
    private final Binding postBinding;
    private final Binding gatedBinding;

    /** Takes over both sessions. */
    Block(Session pre, Session post) {
        this.pre = pre;
        this.post = post;
        this.preBinding = pre.bind();
        this.postBinding = post.bind();
        this.gatedBinding = post.bind();
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
        post(postBinding, rows, attention, residual, hidden);
    }

    /**
     * The same, and what the residual stream was between attention and MLP.
     *
     * @param sum [rows, hiddenSize], written; memory of its own
     */
    void post(int rows, MemorySegment attention, MemorySegment residual, MemorySegment hidden, MemorySegment sum) {
        gatedBinding.output("sum", ElementType.FLOAT, sum, rows, width(sum, rows));
        post(gatedBinding, rows, attention, residual, hidden);
    }

    private static void post(
            Binding binding, int rows, MemorySegment attention, MemorySegment residual, MemorySegment hidden) {
        binding.input("attention", ElementType.FLOAT, attention, rows, width(attention, rows));
        binding.input("residual", ElementType.FLOAT, residual, rows, width(residual, rows));
        binding.output("hidden", ElementType.FLOAT, hidden, rows, width(hidden, rows));
        binding.run();
    }

    private static long width(MemorySegment matrix, int rows) {
        return matrix.byteSize() / Float.BYTES / rows;
    }

    @Override
    public void close() {
        preBinding.close();
        postBinding.close();
        gatedBinding.close();
        pre.close();
        post.close();
    }
}
