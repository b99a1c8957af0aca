package dev.slayer.server.onnx;

import dev.slayer.surgery.SlayerException;

/** ONNX Runtime refused a call, or could not be loaded. The message holds its own words. */
public final class OnnxException extends SlayerException {
    private static final long serialVersionUID = 1L;

    private final int nativeCode;

    OnnxException(int nativeCode, String message) {
        super(
                noMemory(message) ? 507 : 500,
                noMemory(message) ? "device_memory_exhausted" : "onnxruntime_error",
                null,
                message,
                null);
        this.nativeCode = nativeCode;
    }

    OnnxException(String message, Throwable cause) {
        super(500, "onnxruntime_error", null, message, cause);
        this.nativeCode = 1;
    }

    /** The library has no code for it, only words: its arena's, and CUDA's. */
    private static boolean noMemory(String message) {
        return message.contains("Failed to allocate memory") || message.contains("out of memory");
    }

    /** OrtErrorCode of onnxruntime_c_api.h; 1 (fail) where the library gave none. */
    public int nativeCode() {
        return nativeCode;
    }
}
