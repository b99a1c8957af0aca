package dev.slayer.training.model;

import dev.slayer.training.method.ParameterSpec;
import dev.slayer.training.torch.Placement;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * All numbers that are trained, side by side in one float32 vector, and their gradients in another: what works on all of them
 * (clipping, AdamW, a checkpoint, a sum over processes) sees two vectors, what computes with one sees its {@link #leaf}. Those
 * that decay come first. Nothing else of a model has a gradient. The training thread only.
 */
public final class Parameters implements AutoCloseable {
    private final Map<String, Entry> entries;
    private final Placement placement;
    private final long decaying;
    private final Tensor values;
    private final Tensor gradients;

    /**
     * A parameter's place.
     *
     * @param offset of its first number in the vectors
     */
    public record Entry(ParameterSpec spec, long offset, Tensor leaf) {}

    /**
     * Room for parameters; their values are 0 at first.
     *
     * @param placement where the vectors lie
     * @throws IllegalArgumentException if there is none, or a name occurs twice
     */
    public Parameters(List<ParameterSpec> specs, Placement placement) {
        this.placement = placement;
        List<ParameterSpec> ordered =
                new ArrayList<>(specs.stream().filter(ParameterSpec::decays).toList());
        decaying = ordered.stream().mapToLong(ParameterSpec::elements).sum();
        specs.stream().filter(spec -> !spec.decays()).forEach(ordered::add);
        long size = ordered.stream().mapToLong(ParameterSpec::elements).sum();
        if (size == 0) {
            throw new IllegalArgumentException("nothing is trained");
        }
        values = placement.zeros(size);
        try {
            gradients = placement.zeros(size);
        } catch (RuntimeException e) {
            values.close();
            throw e;
        }
        Map<String, Entry> placed = new LinkedHashMap<>();
        long offset = 0;
        for (ParameterSpec spec : ordered) {
            if (placed.put(spec.name(), new Entry(spec, offset, leaf(spec, offset))) != null) {
                throw new IllegalArgumentException("parameter " + spec.name() + " occurs twice");
            }
            offset += spec.elements();
        }
        entries = Collections.unmodifiableMap(placed);
    }

    /** A leaf of autograd over its part of the values, whose gradient is its part of the gradients. */
    private Tensor leaf(ParameterSpec spec, long offset) {
        return Scoped.keep(() -> {
            Tensor leaf = part(values, spec, offset).detach().set_requires_grad(true);
            leaf.mutable_grad().put(part(gradients, spec, offset));
            return leaf;
        });
    }

    private static Tensor part(Tensor vector, ParameterSpec spec, long offset) {
        long[] shape = spec.shape().stream().mapToLong(Long::longValue).toArray();
        return vector.narrow(0, offset, spec.elements()).view(shape);
    }

    /** Where they lie. */
    public Placement placement() {
        return placement;
    }

    /** All parameters in the order of the vectors. */
    public List<Entry> entries() {
        return List.copyOf(entries.values());
    }

    /** Whether there is one of that name. */
    public boolean has(String name) {
        return entries.containsKey(name);
    }

    /** The parameter of that name, with gradient. */
    public Tensor leaf(String name) {
        return entry(name).leaf();
    }

    /** The parameter of that name and its place. */
    public Entry entry(String name) {
        Entry entry = entries.get(name);
        if (entry == null) {
            throw new IllegalArgumentException("no parameter " + name);
        }
        return entry;
    }

    /** The gradient of a parameter, in its shape. */
    public Tensor gradient(String name) {
        return leaf(name).grad().detach();
    }

    /** How many numbers are trained. */
    public long size() {
        return values.numel();
    }

    /** How many of them, from the first, decay. */
    public long decaying() {
        return decaying;
    }

    /** All values: [size]. Writing here writes the parameters. */
    public Tensor values() {
        return values;
    }

    /** All gradients: [size]. */
    public Tensor gradients() {
        return gradients;
    }

    /** Sets all gradients to 0. */
    public void clearGradients() {
        var _ = gradients.zero_();
    }

    /** Frees the vectors. */
    @Override
    public void close() {
        entries.values().forEach(entry -> entry.leaf().close());
        gradients.close();
        values.close();
    }

    /** A float32 vector of zeros beside these, for what an optimizer remembers of each number. */
    public Tensor zeros() {
        return torch.zeros_like(values);
    }

    /** Draws values, for tests and for first values: on the CPU, so that they are the same on every device. */
    static void fill(Tensor leaf, ParameterSpec.Start start) {
        try (PointerScope _ = new PointerScope();
                NoGradGuard _ = new NoGradGuard()) {
            Tensor drawn = Placement.CPU.zeros(leaf.sizes().vec().get());
            switch (start) {
                case ParameterSpec.Start.Model _ ->
                    throw new IllegalArgumentException("the model knows its own values");
                case ParameterSpec.Start.Zero _ -> {}
                case ParameterSpec.Start.Normal(double deviation) -> drawn.normal_(0, deviation, null);
                case ParameterSpec.Start.Uniform(double bound) -> drawn.uniform_(-bound, bound, null);
            }
            var _ = leaf.copy_(drawn);
        }
    }
}
