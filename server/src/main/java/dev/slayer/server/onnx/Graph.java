package dev.slayer.server.onnx;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;

/**
 * A computation as ONNX describes it: pure data, nothing native. {@link OnnxRuntime#session} turns it into something that runs.
 *
 * @param inputs what a run binds
 * @param outputs what a run produces
 * @param weights tensors that belong to the graph
 * @param nodes in any order
 */
public record Graph(List<Port> inputs, List<Port> outputs, List<Weight> weights, List<Node> nodes) {
    public Graph {
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
        weights = List.copyOf(weights);
        nodes = List.copyOf(nodes);
    }

    /** A dimension that each run may choose. */
    public static final long FREE = -1;

    /** The domain of ONNX Runtime's own operators. */
    public static final String MICROSOFT = "com.microsoft";

    /** A named input or output. */
    public record Port(String name, ElementType type, List<Long> shape) {
        public Port {
            Objects.requireNonNull(name);
            Objects.requireNonNull(type);
            shape = List.copyOf(shape);
        }
    }

    /**
     * A constant tensor.
     *
     * @param writer writes the row-major elements into memory of exactly the shape's bytes, once for every session made; that
     *     memory is ONNX Runtime's own, so nothing is copied on the way
     */
    public record Weight(String name, ElementType type, List<Long> shape, Consumer<MemorySegment> writer) {
        public Weight {
            Objects.requireNonNull(name);
            shape = List.copyOf(shape);
            Objects.requireNonNull(writer);
        }

        /** Bytes of all elements. */
        long bytes() {
            return shape.stream().reduce((long) type.bytes(), Math::multiplyExact);
        }
    }

    /**
     * An operator.
     *
     * @param domain {@code ""} for ONNX's own
     * @param inputs names; {@code ""} leaves an optional input out
     * @param attributes Long, Float, String or long[]
     */
    public record Node(
            String operator, String domain, List<String> inputs, List<String> outputs, Map<String, Object> attributes) {
        public Node {
            inputs = List.copyOf(inputs);
            outputs = List.copyOf(outputs);
            attributes = Map.copyOf(attributes);
        }
    }

    /** Collects the parts of a graph. */
    public static final class Builder {
        private final List<Port> inputs = new ArrayList<>();
        private final List<Port> outputs = new ArrayList<>();
        private final List<Weight> weights = new ArrayList<>();
        private final List<Node> nodes = new ArrayList<>();

        /** Declares an input and returns its name. */
        public String input(String name, ElementType type, long... shape) {
            inputs.add(new Port(name, type, boxed(shape)));
            return name;
        }

        /** Declares an output; a node must produce it. */
        public Builder output(String name, ElementType type, long... shape) {
            outputs.add(new Port(name, type, boxed(shape)));
            return this;
        }

        /** Adds a constant that is written when the session is made. */
        public String weight(String name, ElementType type, Consumer<MemorySegment> writer, long... shape) {
            weights.add(new Weight(name, type, boxed(shape), writer));
            return name;
        }

        /** Adds a constant that is copied when the session is made. */
        public String weight(String name, ElementType type, MemorySegment data, long... shape) {
            Weight weight = new Weight(name, type, boxed(shape), memory -> memory.copyFrom(data));
            if (weight.bytes() != data.byteSize()) {
                throw new IllegalArgumentException("weight " + name + " of shape " + weight.shape() + " needs "
                        + weight.bytes() + " bytes, not " + data.byteSize());
            }
            weights.add(weight);
            return name;
        }

        /** Adds a node with one output and returns its name. */
        public String node(
                String operator, String domain, String output, List<String> in, Map<String, Object> attributes) {
            nodes.add(new Node(operator, domain, in, List.of(output), attributes));
            return output;
        }

        /** Adds a node with several outputs. */
        public Builder nodeOf(
                String operator, String domain, List<String> out, List<String> in, Map<String, Object> attributes) {
            nodes.add(new Node(operator, domain, in, out, attributes));
            return this;
        }

        /** The graph. */
        public Graph build() {
            return new Graph(inputs, outputs, weights, nodes);
        }

        private static List<Long> boxed(long... shape) {
            List<Long> list = new ArrayList<>(shape.length);
            for (long dimension : shape) {
                list.add(dimension);
            }
            return list;
        }
    }
}
