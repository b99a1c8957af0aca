package dev.slayer.server.text;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.filter.AdvancedFilter;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;

/** Filters that Jinjava lacks, or whose text is that of Java: UTF-16 units and another idea of white space. */
record PythonFilter(String name, BiFunction<Object, Object[], Object> action) implements AdvancedFilter {
    static List<PythonFilter> all() {
        return List.of(
                new PythonFilter("length", (value, arguments) -> length(value)),
                new PythonFilter("count", (value, arguments) -> length(value)),
                new PythonFilter(
                        "trim",
                        (value, arguments) ->
                                value == null ? "" : PythonMethods.ofString(String.valueOf(value), "strip", arguments)),
                new PythonFilter("items", (value, arguments) -> items(value)));
    }

    private static Object length(Object value) {
        return switch (value) {
            case String text -> text.codePointCount(0, text.length());
            case Collection<?> list -> list.size();
            case Map<?, ?> map -> map.size();
            case null, default -> 0;
        };
    }

    private static Object items(Object value) {
        return value instanceof Map<?, ?> map ? PythonMethods.ofMap(map, "items", new Object[0]) : List.of();
    }

    @Override
    public String getName() {
        return name;
    }

    @Override
    public Object filter(Object value, JinjavaInterpreter interpreter, Object[] arguments, Map<String, Object> named) {
        return action.apply(value, arguments);
    }
}
