package dev.slayer.server.text;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.filter.AdvancedFilter;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** The filter {@code tojson} of transformers: what Python's json.dumps writes, without HTML escapes and with non-ASCII characters. */
final class PythonJson implements AdvancedFilter {
    private static final int MAX_DEPTH = 100;
    private static final List<String> OPTIONS = List.of("ensure_ascii", "indent", "separators", "sort_keys");

    @Override
    public String getName() {
        return "tojson";
    }

    @Override
    public Object filter(Object value, JinjavaInterpreter interpreter, Object[] arguments, Map<String, Object> named) {
        for (String option : named.keySet()) {
            if (!OPTIONS.contains(option)) {
                throw new TemplateRefusal("tojson has no option '" + option + "'; it has " + OPTIONS);
            }
        }
        Object indent = named.get("indent");
        boolean ascii = Boolean.TRUE.equals(named.get("ensure_ascii"));
        boolean sorted = Boolean.TRUE.equals(named.get("sort_keys"));
        return new Writer(indent instanceof Number n ? n.intValue() : -1, ascii, sorted, separators(named)).text(value);
    }

    private static List<String> separators(Map<String, Object> named) {
        return named.get("separators") instanceof List<?> pair && pair.size() == 2
                ? List.of(String.valueOf(pair.get(0)), String.valueOf(pair.get(1)))
                : List.of();
    }

    /** One text in the making. */
    private static final class Writer {
        private final int indent; // spaces per level, or negative for a single line
        private final boolean ascii;
        private final boolean sorted;
        private final String between;
        private final String colon;
        private final StringBuilder out = new StringBuilder();

        Writer(int indent, boolean ascii, boolean sorted, List<String> separators) {
            this.indent = indent;
            this.ascii = ascii;
            this.sorted = sorted;
            this.between = separators.isEmpty() ? (indent < 0 ? ", " : ",") : separators.get(0);
            this.colon = separators.isEmpty() ? ": " : separators.get(1);
        }

        String text(Object value) {
            write(value, 0);
            return out.toString();
        }

        private void write(Object value, int depth) {
            if (depth > MAX_DEPTH) {
                throw new TemplateRefusal("tojson: the value is nested deeper than " + MAX_DEPTH);
            }
            switch (value) {
                case null -> out.append("null");
                case String text -> string(text);
                case Boolean truth -> out.append(truth);
                case Double number -> out.append(real(number));
                case Float number -> out.append(real(number.doubleValue()));
                case Number number -> out.append(number);
                case Map<?, ?> map -> object(map, depth);
                case Collection<?> list -> array(list, depth);
                default ->
                    throw new TemplateRefusal("tojson: a " + value.getClass().getSimpleName() + " is no JSON value");
            }
        }

        /** Python writes an exponent from 1e16 on and below 1e-4. */
        private static String real(double number) {
            double size = Math.abs(number);
            if (Double.isNaN(number) || Double.isInfinite(number)) {
                return Double.isNaN(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity";
            }
            if (size != 0 && (size >= 1e16 || size < 1e-4)) {
                String text = Double.toString(number).replace(".0E", "E").replace("E", "e");
                return text.replaceFirst("e(\\d)", "e+$1").replaceFirst("e([+-])(\\d)$", "e$10$2");
            }
            String plain = new java.math.BigDecimal(Double.toString(number)).toPlainString();
            return plain.contains(".") ? plain : plain + ".0";
        }

        private void object(Map<?, ?> map, int depth) {
            Map<?, ?> ordered = sorted ? new java.util.TreeMap<>(map) : map;
            Iterator<? extends Map.Entry<?, ?>> entries = ordered.entrySet().iterator();
            out.append('{');
            boolean some = entries.hasNext();
            while (entries.hasNext()) {
                Map.Entry<?, ?> entry = entries.next();
                line(depth + 1);
                string(String.valueOf(entry.getKey()));
                out.append(colon);
                write(entry.getValue(), depth + 1);
                out.append(entries.hasNext() ? between : "");
            }
            close(some, depth, '}');
        }

        private void array(Collection<?> list, int depth) {
            Iterator<?> items = list.iterator();
            out.append('[');
            boolean some = items.hasNext();
            while (items.hasNext()) {
                line(depth + 1);
                write(items.next(), depth + 1);
                out.append(items.hasNext() ? between : "");
            }
            close(some, depth, ']');
        }

        private void line(int depth) {
            if (indent >= 0) {
                out.append('\n').repeat(' ', indent * depth);
            }
        }

        private void close(boolean some, int depth, char bracket) {
            if (some) {
                line(depth);
            }
            out.append(bracket);
        }

        private void string(String text) {
            out.append('"');
            for (int i = 0; i < text.length(); i++) {
                char c = text.charAt(i);
                switch (c) {
                    case '"' -> out.append("\\\"");
                    case '\\' -> out.append("\\\\");
                    case '\n' -> out.append("\\n");
                    case '\r' -> out.append("\\r");
                    case '\t' -> out.append("\\t");
                    case '\b' -> out.append("\\b");
                    case '\f' -> out.append("\\f");
                    default -> {
                        if (c < ' ' || (ascii && c > '~')) {
                            out.append("\\u%04x".formatted((int) c));
                        } else {
                            out.append(c);
                        }
                    }
                }
            }
            out.append('"');
        }
    }
}
