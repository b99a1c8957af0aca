package dev.slayer.server.accelerator.runtime;

import static java.lang.foreign.ValueLayout.ADDRESS;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What ONNX Runtime says about itself, for builds whose file says nothing: by {@code OrtGetApiBase()->GetVersionString()}. */
final class LoadedVersion {
    private static final Logger LOG = LoggerFactory.getLogger(LoadedVersion.class);
    private static final int GET_VERSION = 1; // position in OrtApiBase
    private static final int LONGEST = 64;

    private LoadedVersion() {}

    /** Loads the library and asks; empty if it cannot be loaded or is another library, which is not even loaded. */
    static Optional<LibraryVersion> of(Path library) {
        return isOnnxRuntime(library) ? load(library) : Optional.empty();
    }

    /** The linker ends the process over some files that are no real libraries. */
    private static boolean isOnnxRuntime(Path library) {
        try {
            return ElfFile.mentions(library, "OrtGetApiBase");
        } catch (IOException e) {
            LOG.debug("{} could not be read", library, e);
            return false;
        }
    }

    private static Optional<LibraryVersion> load(Path library) {
        Linker linker = Linker.nativeLinker();
        try {
            SymbolLookup symbols = SymbolLookup.libraryLookup(library, Arena.global());
            MethodHandle getBase =
                    linker.downcallHandle(symbols.findOrThrow("OrtGetApiBase"), FunctionDescriptor.of(ADDRESS));
            MemorySegment base = ((MemorySegment) getBase.invokeExact()).reinterpret(2 * ADDRESS.byteSize());
            MethodHandle getVersion =
                    linker.downcallHandle(base.getAtIndex(ADDRESS, GET_VERSION), FunctionDescriptor.of(ADDRESS));
            MemorySegment text = (MemorySegment) getVersion.invokeExact();
            return LibraryVersion.in(text.reinterpret(LONGEST).getString(0));
        } catch (Error e) {
            throw e;
        } catch (Throwable e) {
            LOG.debug("{} could not be asked for its version", library, e);
            return Optional.empty();
        }
    }
}
