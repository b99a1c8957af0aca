package dev.slayer.server.text;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.exptest.ExpTest;
import com.hubspot.jinjava.lib.filter.Filter;
import com.hubspot.jinjava.util.ForLoop;
import java.beans.FeatureDescriptor;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jinjava.javax.el.ELContext;
import jinjava.javax.el.ELResolver;
import jinjava.javax.el.PropertyNotFoundException;

/**
 * All that a template can reach by {@code a.b}, {@code a[b]} and {@code a.b(...)}: entries of maps, items of lists, characters of
 * strings, the loop variable, and the methods of {@link PythonMethods}. No reflection: a Java class or method cannot be named.
 */
final class PythonResolver extends ELResolver {
    @Override
    public Object getValue(ELContext context, Object base, Object property) {
        if (base == null) {
            return null; // a variable; Jinjava looks it up itself
        }
        context.setPropertyResolved(true);
        return switch (base) {
            case Map<?, ?> map -> map.get(String.valueOf(property));
            case List<?> list -> item(list, index(property, list.size()));
            case String text -> character(text, property);
            case ForLoop loop -> ofLoop(loop, String.valueOf(property));
            default ->
                throw new PropertyNotFoundException(
                        base.getClass().getSimpleName() + " has nothing that is called '" + property + "'");
        };
    }

    private static Object item(List<?> list, int index) {
        return index < 0 ? null : list.get(index);
    }

    private static Object character(String text, Object property) {
        int index = index(property, text.codePointCount(0, text.length()));
        return index < 0
                ? null
                : text.substring(text.offsetByCodePoints(0, index), text.offsetByCodePoints(0, index + 1));
    }

    /** The place that an index names, negative ones counting from the end, or -1. Jinjava passes indices as text. */
    private static int index(Object property, int length) {
        String digits = String.valueOf(property);
        if (!digits.matches("-?[0-9]{1,9}")) {
            return -1;
        }
        int index = Integer.parseInt(digits);
        int at = index < 0 ? index + length : index;
        return at < length ? Math.max(at, -1) : -1;
    }

    private static Object ofLoop(ForLoop loop, String property) {
        return switch (property) {
            case "index" -> loop.getIndex();
            case "index0" -> loop.getIndex0();
            case "first" -> loop.isFirst();
            case "last" -> loop.isLast();
            case "length" -> loop.getLength();
            case "revindex" -> loop.getRevindex();
            case "revindex0" -> loop.getRevindex0();
            case "depth" -> loop.getDepth();
            case "depth0" -> loop.getDepth0();
            default -> null;
        };
    }

    @Override
    public Object invoke(ELContext context, Object base, Object method, Class<?>[] types, Object[] arguments) {
        context.setPropertyResolved(true);
        Object[] given = arguments == null ? new Object[0] : arguments;
        return switch (base) {
            case String text -> PythonMethods.ofString(text, String.valueOf(method), given);
            case Map<?, ?> map -> PythonMethods.ofMap(map, String.valueOf(method), given);
            case List<?> list -> PythonMethods.ofList(list, String.valueOf(method), given);
            case Filter filter -> applied(filter, given);
            case ExpTest test -> tested(test, String.valueOf(method), given);
            case null -> throw new TemplateRefusal("'" + method + "' is called on something that is undefined");
            default ->
                throw new TemplateRefusal(base.getClass().getSimpleName() + " has no method '" + method + "' here");
        };
    }

    /** Jinjava's own call of a filter: value, interpreter, arguments, named arguments. */
    private static Object applied(Filter filter, Object[] given) {
        if (given.length == 4
                && given[1] instanceof JinjavaInterpreter interpreter
                && given[2] instanceof Object[] arguments
                && given[3] instanceof Map<?, ?> map) {
            Map<String, Object> named = new LinkedHashMap<>();
            map.forEach((name, value) -> named.put(String.valueOf(name), value));
            return filter.filter(given[0], interpreter, arguments, named);
        }
        throw new TemplateRefusal("filter '" + filter.getName() + "' cannot be called like this");
    }

    /** Jinjava's own call of a test: value, interpreter, arguments. */
    private static boolean tested(ExpTest test, String method, Object[] given) {
        if (given.length >= 2 && given[1] instanceof JinjavaInterpreter interpreter) {
            Object[] arguments = given.length == 3 && given[2] instanceof Object[] list
                    ? list
                    : Arrays.copyOfRange(given, 2, given.length);
            return method.equals("evaluateNegated")
                    ? test.evaluateNegated(given[0], interpreter, arguments)
                    : test.evaluate(given[0], interpreter, arguments);
        }
        throw new TemplateRefusal("test '" + test.getName() + "' cannot be called like this");
    }

    @Override
    public Class<?> getType(ELContext context, Object base, Object property) {
        return Object.class;
    }

    @Override
    public void setValue(ELContext context, Object base, Object property, Object value) {
        throw new TemplateRefusal("a template cannot change '" + property + "'");
    }

    @Override
    public boolean isReadOnly(ELContext context, Object base, Object property) {
        return true;
    }

    @Override
    public Class<?> getCommonPropertyType(ELContext context, Object base) {
        return Object.class;
    }

    @Override
    public Iterator<FeatureDescriptor> getFeatureDescriptors(ELContext context, Object base) {
        return Collections.emptyIterator();
    }
}
