package dev.slayer.server.accelerator.runtime;

import dev.slayer.surgery.SlayerException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/** What running on CUDA takes beside a driver, in one folder as {@code pip install --target} makes it. */
public final class GpuLibraries {
    /** Where ONNX Runtime lies in such a folder. */
    private static final String ONNXRUNTIME = "onnxruntime/capi";

    private GpuLibraries() {}

    /**
     * ONNX Runtime with its CUDA provider, and all of NVIDIA's libraries there: cuDNN and cuBLAS load some by name, so what is needed
     * cannot be told from what is linked.
     *
     * @param option that named the folder
     * @return files by their path in the folder
     * @throws SlayerException 400 naming everything that is missing at once
     */
    public static SortedMap<String, Path> in(String option, Path folder) {
        Places nowhereElse = new Places(Optional.empty(), Optional.empty(), Map.of(), folder, Map::of, Optional::empty);
        OnnxRuntimeSearch search = new OnnxRuntimeSearch(nowhereElse, List.of(folder));
        Optional<FoundLibrary> found = search.find();
        List<Lack> lacks = new ArrayList<>(search.lacks());
        SharedLibraries libraries = new SharedLibraries(nowhereElse, Optional.empty(), List.of(folder));
        for (String name : CudaRuntimeSearch.wanted(found)) {
            if (libraries.find(name).isEmpty()) {
                lacks.add(CudaRuntimeSearch.library(name, libraries));
            }
        }
        if (!lacks.isEmpty()) {
            throw SlayerException.badRequest(
                    option, Lack.message(option + ": " + folder + " is not all that a GPU needs; missing:", lacks));
        }
        SortedMap<String, Path> files = new TreeMap<>();
        Path library = found.orElseThrow().library();
        for (Path file : List.of(
                library,
                library.resolveSibling(OnnxRuntimeSearch.SHARED),
                library.resolveSibling(OnnxRuntimeSearch.PROVIDER))) {
            files.put(ONNXRUNTIME + "/" + file.getFileName(), file);
        }
        for (Path file : PythonSites.below(folder, "nvidia", "*", "lib", "*.so*")) {
            if (Files.isRegularFile(file)) {
                files.put(folder.relativize(file).toString(), file);
            }
        }
        return files;
    }
}
