package dev.slayer.server.onnx;

/** Lets tests of other packages count native handles. */
public final class Handles {
    private Handles() {}

    /** Handles of ONNX Runtime that are not released yet. */
    public static long live() {
        return NativeHandle.live();
    }
}
