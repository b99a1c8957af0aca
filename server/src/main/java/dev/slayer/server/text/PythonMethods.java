package dev.slayer.server.text;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;

/** Methods of Python's str, dict and list that chat templates call; those that change their object do not exist here. */
final class PythonMethods {
    private static final int ALL = -1;

    private PythonMethods() {}

    static Object ofString(String text, String method, Object[] arguments) {
        return switch (method) {
            case "strip" -> strip(text, characters(arguments), true, true);
            case "lstrip" -> strip(text, characters(arguments), true, false);
            case "rstrip" -> strip(text, characters(arguments), false, true);
            case "startswith" -> any(argument(method, arguments, 0)).stream().anyMatch(text::startsWith);
            case "endswith" -> any(argument(method, arguments, 0)).stream().anyMatch(text::endsWith);
            case "split" -> split(text, arguments);
            case "rsplit" -> rsplit(text, arguments);
            case "splitlines" -> text.lines().toList();
            case "upper" -> text.toUpperCase(Locale.ROOT);
            case "lower" -> text.toLowerCase(Locale.ROOT);
            case "title" -> title(text);
            case "capitalize" -> capitalize(text);
            case "replace" -> replace(text, arguments);
            case "removeprefix" -> removePrefix(text, string(method, arguments, 0));
            case "removesuffix" -> removeSuffix(text, string(method, arguments, 0));
            case "find" -> codePoints(text, text.indexOf(string(method, arguments, 0)));
            case "rfind" -> codePoints(text, text.lastIndexOf(string(method, arguments, 0)));
            case "count" -> count(text, string(method, arguments, 0));
            case "slice" -> Slices.of(text, arguments);
            case "join" -> join(text, argument(method, arguments, 0));
            case "isdigit" -> !text.isEmpty() && text.codePoints().allMatch(Character::isDigit);
            case "isalpha" -> !text.isEmpty() && text.codePoints().allMatch(Character::isLetter);
            case "isspace" -> !text.isEmpty() && text.codePoints().allMatch(PythonMethods::isSpace);
            case "isupper" -> !text.equals(text.toLowerCase(Locale.ROOT)) && text.equals(text.toUpperCase(Locale.ROOT));
            case "islower" -> !text.equals(text.toUpperCase(Locale.ROOT)) && text.equals(text.toLowerCase(Locale.ROOT));
            default -> throw unknown("str", method);
        };
    }

    static Object ofMap(Map<?, ?> map, String method, Object[] arguments) {
        return switch (method) {
            case "get" -> {
                Object found = map.get(argument(method, arguments, 0));
                yield found == null && arguments.length > 1 ? arguments[1] : found;
            }
            case "keys" -> new ArrayList<>(map.keySet());
            case "values" -> new ArrayList<>(map.values());
            case "items" ->
                map.entrySet().stream()
                        .map(entry -> new ArrayList<>(java.util.Arrays.asList(entry.getKey(), entry.getValue())))
                        .collect(Collectors.toCollection(ArrayList::new));
            default -> throw unknown("dict", method);
        };
    }

    static Object ofList(List<?> list, String method, Object[] arguments) {
        return switch (method) {
            case "slice" -> Slices.of(list, arguments);
            case "index" -> {
                int index = list.indexOf(argument(method, arguments, 0));
                if (index < 0) {
                    throw new TemplateRefusal("list.index: the item is not in the list");
                }
                yield index;
            }
            case "count" ->
                list.stream()
                        .filter(item -> Objects.equals(item, argument(method, arguments, 0)))
                        .count();
            default -> throw unknown("list", method);
        };
    }

    private static TemplateRefusal unknown(String type, String method) {
        return new TemplateRefusal("the method " + type + "." + method + " is not available in chat templates");
    }

    private static Object argument(String method, Object[] arguments, int index) {
        if (index >= arguments.length) {
            throw new TemplateRefusal(method + "() needs " + (index + 1) + " arguments, not " + arguments.length);
        }
        return arguments[index];
    }

    private static String string(String method, Object[] arguments, int index) {
        if (argument(method, arguments, index) instanceof String text) {
            return text;
        }
        throw new TemplateRefusal("argument " + (index + 1) + " of " + method + "() must be a string");
    }

    private static int number(Object value) {
        if (value instanceof Number number) {
            return number.intValue();
        }
        throw new TemplateRefusal("a number is expected, not '" + value + "'");
    }

    /** A string, or a tuple of strings. */
    private static List<String> any(Object value) {
        return value instanceof List<?> list
                ? list.stream().map(String::valueOf).toList()
                : List.of(String.valueOf(value));
    }

    /** What Python takes for white space; not the same as Java, which leaves out the no-break spaces. */
    static boolean isSpace(int character) {
        return Character.isWhitespace(character) || Character.isSpaceChar(character) || character == 0x85;
    }

    /** The characters that strip() is told to remove, or null for white space. */
    private static Set<Integer> characters(Object[] arguments) {
        return arguments.length == 0 || arguments[0] == null
                ? null
                : String.valueOf(arguments[0]).codePoints().boxed().collect(Collectors.toSet());
    }

    private static String strip(String text, Set<Integer> characters, boolean left, boolean right) {
        int start = 0;
        int end = text.length();
        while (left && start < end && strips(characters, text.codePointAt(start))) {
            start += Character.charCount(text.codePointAt(start));
        }
        while (right && start < end && strips(characters, text.codePointBefore(end))) {
            end -= Character.charCount(text.codePointBefore(end));
        }
        return text.substring(start, end);
    }

    private static boolean strips(Set<Integer> characters, int character) {
        return characters == null ? isSpace(character) : characters.contains(character);
    }

    private static List<String> split(String text, Object[] arguments) {
        int limit = arguments.length > 1 ? number(arguments[1]) : ALL;
        List<String> parts = new ArrayList<>();
        String rest = text;
        if (arguments.length == 0 || arguments[0] == null) {
            rest = strip(text, null, true, false);
            while (!rest.isEmpty()) {
                int end = limit == ALL || parts.size() < limit ? spaceIn(rest) : rest.length();
                parts.add(rest.substring(0, end));
                rest = strip(rest.substring(end), null, true, false);
            }
            return parts;
        }
        String separator = separator(arguments);
        for (int at = rest.indexOf(separator);
                at >= 0 && (limit == ALL || parts.size() < limit);
                at = rest.indexOf(separator)) {
            parts.add(rest.substring(0, at));
            rest = rest.substring(at + separator.length());
        }
        parts.add(rest);
        return parts;
    }

    private static int spaceIn(String text) {
        int at = 0;
        while (at < text.length() && !isSpace(text.codePointAt(at))) {
            at += Character.charCount(text.codePointAt(at));
        }
        return at;
    }

    private static List<String> rsplit(String text, Object[] arguments) {
        int limit = arguments.length > 1 ? number(arguments[1]) : ALL;
        if (limit == ALL) {
            return split(text, arguments);
        }
        String separator = separator(arguments);
        List<String> parts = new ArrayList<>();
        String rest = text;
        for (int at = rest.lastIndexOf(separator); at >= 0 && parts.size() < limit; at = rest.lastIndexOf(separator)) {
            parts.addFirst(rest.substring(at + separator.length()));
            rest = rest.substring(0, at);
        }
        parts.addFirst(rest);
        return parts;
    }

    private static String separator(Object[] arguments) {
        String separator = string("split", arguments, 0);
        if (separator.isEmpty()) {
            throw new TemplateRefusal("split() needs a separator that is not empty");
        }
        return separator;
    }

    private static String title(String text) {
        StringBuilder title = new StringBuilder(text.length());
        boolean inWord = false;
        for (int c : text.codePoints().toArray()) {
            title.appendCodePoint(inWord ? Character.toLowerCase(c) : Character.toTitleCase(c));
            inWord = Character.isLetter(c);
        }
        return title.toString();
    }

    private static String capitalize(String text) {
        if (text.isEmpty()) {
            return text;
        }
        int end = text.offsetByCodePoints(0, 1);
        return new StringBuilder()
                .appendCodePoint(Character.toTitleCase(text.codePointAt(0)))
                .append(text.substring(end).toLowerCase(Locale.ROOT))
                .toString();
    }

    private static String replace(String text, Object[] arguments) {
        String from = string("replace", arguments, 0);
        String to = string("replace", arguments, 1);
        return text.replace(from, to);
    }

    private static String removePrefix(String text, String prefix) {
        return text.startsWith(prefix) ? text.substring(prefix.length()) : text;
    }

    private static String removeSuffix(String text, String suffix) {
        return text.endsWith(suffix) ? text.substring(0, text.length() - suffix.length()) : text;
    }

    /** Python counts characters where Java counts UTF-16 units. */
    private static int codePoints(String text, int index) {
        return index < 0 ? -1 : text.codePointCount(0, index);
    }

    private static int count(String text, String part) {
        if (part.isEmpty()) {
            return text.codePointCount(0, text.length()) + 1;
        }
        int count = 0;
        for (int at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length())) {
            count++;
        }
        return count;
    }

    private static String join(String separator, Object items) {
        if (items instanceof List<?> list) {
            return list.stream().map(String::valueOf).collect(Collectors.joining(separator));
        }
        throw new TemplateRefusal("join() needs a list");
    }
}
