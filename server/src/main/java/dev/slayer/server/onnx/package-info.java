/**
 * A small binding of ONNX Runtime's C API by the Foreign Function and Memory API: the only code of the project that calls
 * native code of ONNX Runtime.
 *
 * <p>The contract of every class here: a native handle has exactly one owner object; closing is idempotent; using a closed
 * handle is an exception, never a crash; memory that native code may read is held by the owner as long as it may; an error
 * status becomes an {@link dev.slayer.server.onnx.OnnxException} with ONNX Runtime's own message.
 */
package dev.slayer.server.onnx;
