package dev.slayer.server.engine.packed;

import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.Graph;
import java.lang.foreign.ValueLayout;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The graphs that put weights together, in the order and with the rounding of the host's recipes. Every operator has a kernel of
 * CUDA for its types in all versions of ONNX Runtime that are used: so bits are looked up, as there are no operators of bits.
 */
final class RecipeGraph {
    private static final int BYTES = 1 << Byte.SIZE;

    private final Graph.Builder graph = new Graph.Builder();
    private final Set<String> constants = new HashSet<>();
    private final RecipeStep step;
    private final ElementType type;
    private final ElementType rounded;

    private RecipeGraph(RecipeStep step, ElementType type, ElementType rounded) {
        this.step = step;
        this.type = type;
        this.rounded = rounded;
    }

    /**
     * Inputs in the order that the step names.
     *
     * @param type of weights on the device
     * @param rounded the type that weights are rounded to
     */
    static Graph of(RecipeStep step, ElementType type, ElementType rounded) {
        return new RecipeGraph(step, type, rounded).build();
    }

    private Graph build() {
        switch (step) {
            case ADDED -> added();
            case DIVIDED -> weights(node("Div", "exact", floats("sum"), number("divisor")));
            case ADDED_DIFFERENCE -> result(moreByDifference("next", floats("sum")));
            case ADDED_WHERE_IT_STAYS -> stays();
            case ON_BASE -> weights(node("Add", "exact", floats("sum"), wide("base")));
            case ADDED_TRIMMED -> result(node("Add", "next", floats("sum"), trimmed()));
            case ADDED_AGREEING -> agreeing();
            case ELECTED -> elected();
            case SMALLER -> smaller();
            case PRODUCTS -> products();
            case UNPACKED -> unpacked();
        }
        return graph.build();
    }

    private void added() {
        String sum = floats("sum");
        String in = wide("in");
        result(node("Add", "next", sum, node("Mul", "part", in, number("factor"))));
    }

    /** sum + factor * (in - base). */
    private String moreByDifference(String name, String sum) {
        String difference = difference();
        return node("Add", name, sum, node("Mul", "part", difference, number("factor")));
    }

    private String difference() {
        String base = wide("base");
        return node("Sub", "difference", wide("in"), base);
    }

    private void stays() {
        String sum = floats("sum");
        String more = moreByDifference("more", sum);
        result(node("Where", "next", graph.input("stays", ElementType.BOOL, Graph.FREE), more, sum));
    }

    /** What is left of a difference, times its weight. */
    private String trimmed() {
        String difference = difference();
        String weight = number("weight");
        String early = node("Less", "early", floats("place"), number("before"));
        String limit = node("Where", "limit", early, number("least"), number("above"));
        String small = node("Less", "small", node("Abs", "magnitude", difference), limit);
        return node("Mul", "weighted", node("Where", "left", small, zero(), difference), weight);
    }

    /** The sign times what is weighted is positive where they agree; it is exact, and not a number or zero where there is no sign. */
    private void agreeing() {
        String agreeing = floats("agreeing");
        String agreed = floats("agreed");
        String sign = node("Sign", "sign", floats("sum"));
        String weighted = trimmed();
        String agrees = node("Greater", "agrees", node("Mul", "along", sign, weighted), zero());
        result(node("Add", "more_agreeing", agreeing, node("Where", "agreeing_part", agrees, weighted, zero())));
        result(node("Add", "more_agreed", agreed, node("Where", "agreed_part", agrees, "weight", zero())));
    }

    private void elected() {
        String sum = floats("sum");
        String agreeing = floats("agreeing");
        String agreed = floats("agreed");
        String base = wide("base");
        String some = nonzero("some", agreed); // not by Equal, which 1.24 lacks on CUDA
        String mean = node("Where", "mean", some, node("Div", "quotient", agreeing, agreed), zero());
        String signed = nonzero("signed", sum);
        weights(node("Add", "exact", base, node("Where", "elected", signed, mean, sum)));
    }

    /** Whether it is a number, and not zero. */
    private String nonzero(String name, String x) {
        return node("Greater", name, node("Abs", name + "_magnitude", x), zero());
    }

    private void smaller() {
        String base = cast(graph.input("base", type, Graph.FREE, Graph.FREE), type, ElementType.FLOAT);
        String in = cast(graph.input("in", type, Graph.FREE, Graph.FREE), type, ElementType.FLOAT);
        String magnitude = node("Abs", "magnitude", node("Sub", "difference", in, base));
        String small = node("Less", "small", magnitude, number("limit"));
        String count = spanSums("count", cast(small, ElementType.BOOL, ElementType.FLOAT));
        result(cast(count, ElementType.FLOAT, ElementType.DOUBLE)); // exact: no span has 2^24 entries
    }

    private void products() {
        String a = cast(graph.input("a", type, Graph.FREE, Graph.FREE), type, ElementType.DOUBLE);
        String b = cast(graph.input("b", type, Graph.FREE, Graph.FREE), type, ElementType.DOUBLE);
        result(spanSums("dot", node("Mul", "a_b", a, b)));
        result(spanSums("a_squares", node("Mul", "a_a", a, a)));
        result(spanSums("b_squares", node("Mul", "b_b", b, b)));
    }

    private String spanSums(String name, String spans) {
        return graph.node("ReduceSum", "", name, List.of(spans, integer("entries", 1)), Map.of("keepdims", 0L));
    }

    private void unpacked() {
        String bits = graph.input("bits", ElementType.UINT8, Graph.FREE);
        String table = graph.weight(
                "table",
                ElementType.BOOL,
                memory -> {
                    for (int i = 0; i < BYTES * Byte.SIZE; i++) {
                        memory.set(ValueLayout.JAVA_BYTE, i, (byte) ((i / Byte.SIZE) >> (i % Byte.SIZE) & 1));
                    }
                },
                BYTES,
                Byte.SIZE);
        String eights = node("Gather", "eights", table, cast(bits, ElementType.UINT8, ElementType.INT32));
        result(node("Reshape", "truths", eights, integer("flat", -1)));
    }

    private String number(String name) {
        return graph.input(name, ElementType.FLOAT, 1);
    }

    private String floats(String name) {
        return graph.input(name, ElementType.FLOAT, Graph.FREE);
    }

    /** Weights, as float32. */
    private String wide(String name) {
        return cast(graph.input(name, type, Graph.FREE), type, ElementType.FLOAT);
    }

    private String zero() {
        return constants.add("zero")
                ? graph.weight("zero", ElementType.FLOAT, memory -> memory.fill((byte) 0), 1)
                : "zero";
    }

    private String integer(String name, long value) {
        return constants.add(name)
                ? graph.weight(
                        name, ElementType.INT64, memory -> memory.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, value), 1)
                : name;
    }

    /** Rounds to what the checkpoint has, then to what the device has. */
    private void weights(String exact) {
        String narrow = cast(cast(exact, ElementType.FLOAT, rounded), rounded, type);
        result(node("Identity", "out", narrow));
    }

    private void result(String name) {
        graph.output(name, step.output(type), Graph.FREE);
    }

    private String cast(String x, ElementType from, ElementType to) {
        return from == to ? x : graph.node("Cast", "", x + "_as_" + to, List.of(x), Map.of("to", (long) to.code()));
    }

    private String node(String operator, String output, String... inputs) {
        return graph.node(operator, "", output, List.of(inputs), Map.of());
    }
}
