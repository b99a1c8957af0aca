package dev.slayer.training.torch;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/** Makes a thread give way to others, which Java's own priorities do not do on Linux. */
public final class NiceThread {
    /** Of 0 to 19: about a tenth of the time of a thread that also wants the core. */
    private static final int NICE = 10;

    private static final int PROCESS = 0;
    private static final int CALLER = 0; // on Linux the calling thread alone

    private NiceThread() {}

    /**
     * Lowers the calling thread's priority for good, and that of the threads that libraries start from it later.
     *
     * @return whether the system did it
     */
    public static boolean lower() {
        if (!System.getProperty("os.name", "").startsWith("Linux")) {
            return false;
        }
        Linker linker = Linker.nativeLinker();
        Optional<MemorySegment> function = linker.defaultLookup().find("setpriority");
        if (function.isEmpty()) {
            return false;
        }
        FunctionDescriptor type = FunctionDescriptor.of(
                ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT);
        try {
            return (int) linker.downcallHandle(function.get(), type).invokeExact(PROCESS, CALLER, NICE) == 0;
        } catch (Throwable e) {
            throw new IllegalStateException("setpriority cannot be called", e);
        }
    }
}
