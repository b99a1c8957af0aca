package dev.slayer.training.torch;

import dev.slayer.surgery.SlayerException;
import java.util.Locale;

/** Tells a want of memory from other failures of libtorch, whose exceptions all arrive as one class and differ in their texts only. */
public final class MemoryShortage {
    private static final int LONGEST = 400;
    private static final String ADVICE = " If reserved but unallocated.*"; // variables of its environment

    private MemoryShortage() {}

    /**
     * What a failure means.
     *
     * @param placement where the memory was wanted
     * @return an exception of status 507 ({@code device_memory_exhausted}, on the CPU {@code memory_exhausted}) with libtorch's numbers if
     *     there was no memory, otherwise the failure itself
     */
    public static RuntimeException explained(RuntimeException failure, Placement placement) {
        String text = String.valueOf(failure.getMessage());
        if (failure instanceof SlayerException || !tellsOfIt(text.toLowerCase(Locale.ROOT))) {
            return failure;
        }
        String first =
                text.lines().findFirst().orElse("").replaceFirst(ADVICE, "").strip();
        return new SlayerException(
                507,
                placement.cuda() ? "device_memory_exhausted" : "memory_exhausted",
                "method",
                placement.device() + " had no memory left for this run: "
                        + (first.length() > LONGEST ? first.substring(0, LONGEST) + "…" : first)
                        + " Train fewer slots or a lower rank, take a smaller micro_batch, a shorter length, or recompute, or give"
                        + " training more memory.",
                failure);
    }

    private static boolean tellsOfIt(String text) {
        return text.contains("out of memory") // CUDA's allocator, and CUDA
                || text.contains("can't allocate memory") // the CPU's
                || text.contains("cublas_status_alloc_failed")
                || text.contains("cudnn_status_alloc_failed");
    }
}
