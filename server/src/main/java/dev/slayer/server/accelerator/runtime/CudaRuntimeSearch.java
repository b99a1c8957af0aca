package dev.slayer.server.accelerator.runtime;

import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** One look at the machine: goes on after each thing that is missing, so that the user learns of all at once. */
final class CudaRuntimeSearch {
    private static final String CUDART = "libcudart.so.13";
    private static final String DRIVER = "libcuda.so.1";
    private static final int LEAST_DRIVER = 13_000;

    private static final String CUDNN = "libcudnn.so.9";

    /** What a provider for CUDA 13 needs, where none is there to be asked. */
    private static final List<String> USUAL =
            List.of(CUDART, "libcublas.so.13", "libcublasLt.so.13", CUDNN, "libcufft.so.12");

    /** Needed without being linked: Slayer calls the one, recent providers look for the other by name, when they first want it. */
    private static final List<String> UNLINKED = List.of(CUDART, CUDNN);

    /** By the start of a library's name, the package of pip that has it. */
    private static final Map<String, String> PACKAGES = Map.of(
            "libcudart.", "nvidia-cuda-runtime",
            "libcublas.", "nvidia-cublas",
            "libcublasLt.", "nvidia-cublas",
            "libcudnn.", "nvidia-cudnn-cu13",
            "libcufft.", "nvidia-cufft",
            "libcurand.", "nvidia-curand",
            "libnvrtc.", "nvidia-cuda-nvrtc",
            "libnvJitLink.", "nvidia-nvjitlink");

    private final Places places;
    private final CudaDriver.Probe probe;
    private final List<Lack> lacks = new ArrayList<>();

    CudaRuntimeSearch(Places places, CudaDriver.Probe probe) {
        this.places = places;
        this.probe = probe;
    }

    CudaRuntime find(List<Integer> devices) {
        List<Path> sites = PythonSites.of(places);
        OnnxRuntimeSearch search = new OnnxRuntimeSearch(places, sites);
        Optional<FoundLibrary> found = search.find();
        lacks.addAll(search.lacks());
        SharedLibraries libraries =
                new SharedLibraries(places, found.map(FoundLibrary::library).map(Path::getParent), sites);
        Map<String, Path> cuda = libraries(libraries, wanted(found));
        Optional<CudaDriver> driver = driver(libraries, Optional.ofNullable(cuda.get(CUDART)));
        driver.ifPresent(there -> checkDevices(there, devices));
        if (!lacks.isEmpty()) {
            throw new SlayerException(
                    500,
                    "cuda_unavailable",
                    "--device",
                    Lack.message("--device cuda cannot be used; what is missing:", lacks),
                    null);
        }
        FoundLibrary library = found.orElseThrow();
        return new CudaRuntime(
                library.library(),
                library.version(),
                library.origin(),
                inOrder(cuda),
                cuda.get(CUDART),
                driver.orElseThrow().version(),
                driver.orElseThrow().devices(),
                OperatorSupport.of(library.version()));
    }

    /** Names of CUDA's libraries that a build needs, or that one usually needs. */
    static List<String> wanted(Optional<FoundLibrary> build) {
        List<String> wanted = new ArrayList<>(build.map(FoundLibrary::needed).orElse(USUAL));
        UNLINKED.stream().filter(name -> !wanted.contains(name)).forEach(wanted::add);
        return wanted;
    }

    private Map<String, Path> libraries(SharedLibraries libraries, List<String> names) {
        Map<String, Path> found = new LinkedHashMap<>();
        for (String name : names) {
            libraries
                    .find(name)
                    .ifPresentOrElse(path -> found.put(name, path), () -> lacks.add(library(name, libraries)));
        }
        return found;
    }

    /** A library that is not there. */
    static Lack library(String name, SharedLibraries libraries) {
        String others =
                libraries.others(name).stream().map(Path::toString).limit(3).collect(Collectors.joining(", "));
        String pip = PACKAGES.entrySet().stream()
                .filter(entry -> name.startsWith(entry.getKey()))
                .map(entry -> ", or 'pip install " + entry.getValue() + "'")
                .findFirst()
                .orElse("");
        return new Lack(
                name,
                others.isEmpty() ? "nothing" : others,
                "version " + name.substring(name.indexOf(".so.") + ".so.".length()),
                "Install CUDA 13 and cuDNN 9" + pip + ", or add its folder to LD_LIBRARY_PATH");
    }

    private Optional<CudaDriver> driver(SharedLibraries libraries, Optional<Path> cudart) {
        String wanted = "one for CUDA " + CudaDriver.text(LEAST_DRIVER) + " or newer (580 or newer on Linux)";
        String remedy = "Install NVIDIA's driver, or start the container with its GPUs";
        if (libraries.find(DRIVER).isEmpty()) {
            lacks.add(new Lack("NVIDIA driver", kernelModule().orElse("none") + ", without " + DRIVER, wanted, remedy));
            return Optional.empty();
        }
        if (cudart.isEmpty()) {
            return Optional.empty(); // nobody to ask; that is reported already
        }
        CudaDriver driver;
        try {
            driver = probe.ask(cudart.get());
        } catch (SlayerException e) {
            lacks.add(new Lack("NVIDIA driver", e.getMessage().replaceAll("\\.$", ""), wanted, remedy));
            return Optional.empty();
        }
        if (driver.version() < LEAST_DRIVER) {
            String version =
                    driver.version() == 0 ? "none that runs" : "one for CUDA " + CudaDriver.text(driver.version());
            lacks.add(new Lack(
                    "NVIDIA driver", kernelModule().map(it -> it + ", ").orElse("") + version, wanted, remedy));
            return Optional.empty();
        }
        return Optional.of(driver);
    }

    private void checkDevices(CudaDriver driver, List<Integer> devices) {
        List<Integer> absent =
                devices.stream().filter(id -> id >= driver.devices()).toList();
        if (!absent.isEmpty()) {
            lacks.add(new Lack(
                    "GPU " + absent.stream().map(id -> "cuda:" + id).collect(Collectors.joining(", ")),
                    driver.devices() + " GPUs",
                    driver.devices() == 0 ? "at least one" : "cuda:0 to cuda:" + (driver.devices() - 1),
                    "Give --device another number, or look at CUDA_VISIBLE_DEVICES"));
        }
    }

    /** Version of the driver's module in the kernel, as it says in /proc. */
    private Optional<String> kernelModule() {
        Path file = places.root().resolve("proc/driver/nvidia/version");
        try {
            return Files.readString(file).lines().findFirst().map(line -> "'" + line.strip() + "'");
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** Each library after those that it needs, as far as they are among these. */
    private static List<Path> inOrder(Map<String, Path> libraries) {
        Map<String, Path> ordered = new LinkedHashMap<>();
        libraries.keySet().forEach(name -> add(ordered, libraries, name, libraries.size()));
        return List.copyOf(ordered.values());
    }

    private static void add(Map<String, Path> ordered, Map<String, Path> libraries, String name, int depth) {
        if (depth < 0 || ordered.containsKey(name) || !libraries.containsKey(name)) {
            return;
        }
        try {
            for (String needed : ElfFile.read(libraries.get(name)).needed()) {
                add(ordered, libraries, needed, depth - 1);
            }
        } catch (IOException e) {
            throw SlayerException.internal(libraries.get(name) + " cannot be read: " + e.getMessage() + ".", e);
        }
        ordered.putIfAbsent(name, libraries.get(name));
    }
}
