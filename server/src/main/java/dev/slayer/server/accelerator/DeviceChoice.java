package dev.slayer.server.accelerator;

import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * What computes.
 *
 * @param cuda on GPUs; otherwise the processor
 * @param ids which GPUs, each once; none for the processor
 */
public record DeviceChoice(boolean cuda, List<Integer> ids) {
    /** The processor. */
    public static final DeviceChoice CPU = new DeviceChoice(false, List.of());

    private static final Pattern ONE = Pattern.compile("cpu|cuda(:\\d{1,2})?");
    private static final Pattern CUDA = Pattern.compile("cuda(:\\d{1,3}(,\\d{1,3}){0,63})?");

    public DeviceChoice {
        ids = List.copyOf(ids);
        if (cuda == ids.isEmpty()) {
            throw new IllegalArgumentException("names " + ids.size() + " GPUs");
        }
        if (ids.stream().distinct().count() < ids.size()) {
            throw new IllegalArgumentException("names a GPU twice");
        }
    }

    /**
     * Reads {@code cpu}, {@code cuda}, which is the first GPU, or {@code cuda:0,1}.
     *
     * @throws IllegalArgumentException whose message continues a sentence that began with the text
     */
    public static DeviceChoice parse(String text) {
        if (text.equals("cpu")) {
            return CPU;
        }
        if (!CUDA.matcher(text).matches()) {
            throw new IllegalArgumentException("is unknown; allowed: cpu, cuda, or GPUs by number as in cuda:0,1");
        }
        String numbers = text.equals("cuda") ? "0" : text.substring("cuda:".length());
        return new DeviceChoice(
                true, Arrays.stream(numbers.split(",")).map(Integer::valueOf).toList());
    }

    /**
     * Reads {@code cpu}, {@code cuda}, which is the first GPU, or {@code cuda:1}.
     *
     * @throws IllegalArgumentException whose message continues a sentence that began with the text
     */
    public static DeviceChoice parseOne(String text) {
        if (!ONE.matcher(text).matches()) {
            throw new IllegalArgumentException("is unknown; allowed: cpu, cuda, or a GPU by number as in cuda:1");
        }
        return parse(text);
    }

    /** As {@link #parse} reads it. */
    @Override
    public String toString() {
        return cuda ? "cuda:" + ids.stream().map(String::valueOf).collect(Collectors.joining(",")) : "cpu";
    }
}
