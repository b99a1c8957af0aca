package dev.slayer.server.engine.block;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What goes where in the memory of the processor or of a device, decided before anything is loaded.
 *
 * @param place the memory
 * @param shares in the order of printing
 * @param kvBytes for running sequences' KV
 */
public record MemoryPlan(Place place, List<Share> shares, long kvBytes) {
    private static final String BUDGETS =
            "--kv-memory, --derived-blocks-memory, --prefix-cache-memory, --training-memory";
    private static final String SMALLER =
            "a smaller --dtype, a smaller --max-batch-tokens or smaller budgets (" + BUDGETS + ")";
    private static final String[] UNITS = {"B", "KiB", "MiB", "GiB", "TiB"};

    public MemoryPlan {
        shares = List.copyOf(shares);
    }

    /**
     * A memory.
     *
     * @param name such as {@code cpu} or {@code cuda:0 (NVIDIA H200)}
     * @param device whether it is a device's own, which nothing can be swapped out of and budgets are taken from at the start
     * @param totalBytes all of it; in a container, what that may have
     * @param freeBytes what nobody has; of the processor, all
     * @param elementBytes of an activation: 4 for float32, 2 for bfloat16
     * @param mostKvBytes that what computes there can reach as KV
     */
    public record Place(
            String name, boolean device, long totalBytes, long freeBytes, int elementBytes, long mostKvBytes) {
        private static final int RESERVE_SHARE = 20; // one part in so many, for libraries and fragments
        private static final long LEAST_RESERVE = 512L << 20;

        /** A memory that can be all KV. */
        public Place(String name, boolean device, long totalBytes, long freeBytes, int elementBytes) {
            this(name, device, totalBytes, freeBytes, elementBytes, Long.MAX_VALUE);
        }

        /** The processor's memory. */
        public static Place host(long totalBytes) {
            return new Place("cpu", false, totalBytes, totalBytes, Float.BYTES);
        }

        /** What a device keeps free for what nobody plans: the libraries' own memory and holes between allocations. */
        long reserveBytes() {
            return device ? Math.max(LEAST_RESERVE, totalBytes / RESERVE_SHARE) : 0;
        }
    }

    /**
     * A part of the memory.
     *
     * @param what it is for
     * @param bytes of it
     * @param budget whether it may be taken in time, rather than being taken in any case
     */
    public record Share(String what, long bytes, boolean budget) {}

    /**
     * Divides a memory.
     *
     * @throws SlayerException 507 {@code memory_exhausted} with all numbers, if it cannot be: on a device if all together are more than
     *     is free, on the processor if what is taken in any case is more than there is; or if KV is to be more than
     *     can be reached
     */
    public static MemoryPlan of(Place place, MemoryDemand demand) {
        List<Share> shares = new ArrayList<>();
        demand.models()
                .forEach((name, config) -> shares.add(new Share(
                        "weights of " + name + ", " + demand.type().name().toLowerCase(Locale.ROOT),
                        demand.weightBytes(config, place.device(), place.elementBytes()),
                        false)));
        shares.add(new Share("workspace of a step of " + demand.maxRows() + " rows", workspace(place, demand), false));
        shares.add(new Share("derived blocks", demand.derivedBytes(), true));
        shares.add(new Share("prefix cache", demand.prefixBytes(), true));
        shares.add(new Share("training", demand.trainingBytes(), true));
        if (place.device()) {
            shares.add(new Share("reserve", place.reserveBytes(), false));
        }
        long rest = sum(shares, true);
        long left = Math.max(0, place.freeBytes() - rest);
        long kv = demand.kvBytes().orElse(Math.min(left, place.mostKvBytes()));
        boolean cut = demand.kvBytes().isEmpty() && left > kv;
        shares.add(new Share(
                "KV of running sequences" + (cut ? " (ONNX Runtime before 1.29 reaches no more)" : ""), kv, true));
        MemoryPlan plan = new MemoryPlan(place, shares, kv);
        plan.check(demand);
        return plan;
    }

    /**
     * Divides the memory of a device that only jobs train on.
     *
     * @throws SlayerException 507 {@code memory_exhausted} with all numbers, if the budget is more than is free
     */
    public static MemoryPlan ofTraining(Place place, long trainingBytes) {
        List<Share> shares =
                List.of(new Share("training", trainingBytes, true), new Share("reserve", place.reserveBytes(), false));
        MemoryPlan plan = new MemoryPlan(place, shares, 0);
        if (sum(shares, true) > place.freeBytes()) {
            throw plan.exhausted(text(sum(shares, true)) + " are needed", "a smaller --training-memory");
        }
        return plan;
    }

    /** The table: what, bytes, share of the whole. */
    public List<String> lines() {
        int width =
                shares.stream().mapToInt(share -> share.what().length()).max().orElse(0);
        String form = "  %-" + (width + 9) + "s %10s %5.1f %%";
        List<String> lines = new ArrayList<>();
        lines.add("Memory of " + place.name() + ": " + text(place.totalBytes())
                + (place.device() ? ", of which " + text(place.freeBytes()) + " are free" : ""));
        for (Share share : shares) {
            lines.add(line(form, share.what() + (share.budget() ? ", at most" : ""), share.bytes()));
        }
        long left = place.freeBytes() - sum(shares, true);
        lines.add(line(form, left < 0 ? "more than there is" : "left", Math.abs(left)));
        return lines;
    }

    /** What may go wrong although it was not refused: budgets that are more than there is, together. */
    public Optional<String> warning() {
        long all = sum(shares, true);
        if (all <= place.freeBytes()) {
            return Optional.empty();
        }
        return Optional.of("If all of it is used, " + text(all) + " are needed and " + place.name() + " has "
                + text(place.freeBytes()) + ". Give smaller budgets: " + BUDGETS + ".");
    }

    private void check(MemoryDemand demand) {
        long needed = sum(shares, place.device());
        if (needed > place.freeBytes()) {
            throw exhausted(text(needed) + " are needed", SMALLER);
        }
        if (kvBytes > place.mostKvBytes()) {
            throw exhausted(
                    text(kvBytes) + " are to be KV, and ONNX Runtime before 1.29 reaches " + text(place.mostKvBytes())
                            + " of it",
                    "a smaller --kv-memory, or ONNX Runtime 1.29 or newer");
        }
        long least = demand.leastKvBytes(place.elementBytes());
        if (place.device() && kvBytes < least) {
            throw exhausted(
                    text(kvBytes) + " are left for KV, and " + text(least) + " is the least of any use", SMALLER);
        }
    }

    private SlayerException exhausted(String problem, String remedy) {
        return new SlayerException(
                507,
                "memory_exhausted",
                null,
                place.name() + " has " + text(place.freeBytes()) + " of memory; " + problem + ". Take " + remedy + ".\n"
                        + String.join("\n", lines()),
                null);
    }

    private static long workspace(Place place, MemoryDemand demand) {
        long largest = 0;
        for (ModelConfig config : demand.models().values()) {
            largest = Math.max(largest, demand.workspaceBytes(config, place.elementBytes()));
        }
        return largest;
    }

    private static long sum(List<Share> shares, boolean withBudgets) {
        long sum = 0;
        for (Share share : shares) {
            if (withBudgets || !share.budget()) {
                sum = Math.addExact(sum, share.bytes());
            }
        }
        return sum;
    }

    private String line(String form, String what, long bytes) {
        return String.format(
                Locale.ROOT, form, what, text(bytes), 100.0 * (double) bytes / (double) place.totalBytes());
    }

    /** Bytes in the largest unit that gives a number of at least one. */
    private static String text(long bytes) {
        double number = (double) bytes;
        int unit = 0;
        while (number >= 1024 && unit < UNITS.length - 1) {
            number /= 1024;
            unit++;
        }
        return String.format(Locale.ROOT, unit == 0 ? "%.0f %s" : "%.1f %s", number, UNITS[unit]);
    }
}
