package dev.slayer.server.onnx;

import java.lang.invoke.MethodHandle;

/** The functions that sessions and bindings call at every step, looked up once. */
final class SessionFunctions {
    final MethodHandle releaseSession;
    final MethodHandle createBinding;
    final MethodHandle releaseBinding;
    final MethodHandle bindInput;
    final MethodHandle bindOutput;
    final MethodHandle clearInputs;
    final MethodHandle clearOutputs;
    final MethodHandle run;
    final MethodHandle createValue;
    final MethodHandle releaseValue;

    SessionFunctions(NativeApi api) {
        releaseSession = api.function(95, "VP");
        createBinding = api.function(134, "PPP");
        releaseBinding = api.function(135, "VP");
        bindInput = api.function(136, "PPPP");
        bindOutput = api.function(137, "PPPP");
        clearInputs = api.function(141, "VP");
        clearOutputs = api.function(142, "VP");
        run = api.function(133, "PPPP");
        createValue = api.function(49, "PPPJPJIP");
        releaseValue = api.function(96, "VP");
    }
}
