package dev.slayer.server.text;

import java.util.ArrayList;
import java.util.List;

/**
 * Rewrites an expression of a template where Jinjava's grammar is not Python's:
 *
 * <ul>
 *   <li>{@code a[b:c:d]} becomes {@code a.slice(b, c, d)}, with an empty string for a bound that is left out: Jinjava has no steps and no
 *       negative bounds;
 *   <li>{@code not a is b} becomes {@code not (a is b)}: there, {@code not} binds tighter than comparisons;
 *   <li>escapes with hexadecimal digits in strings become the character;
 *   <li>two closing braces get a space between them, which do not end the tag then.
 * </ul>
 */
final class PythonSyntax {
    private final String expression;
    private final StringBuilder out;
    private int at;

    private PythonSyntax(String expression) {
        this.expression = expression;
        this.out = new StringBuilder(expression.length() + 16);
    }

    /** The same expression in Jinjava's grammar. */
    static String rewritten(String expression) {
        PythonSyntax syntax = new PythonSyntax(expression);
        while (syntax.at < expression.length()) {
            syntax.next();
        }
        return syntax.out.toString();
    }

    private void next() {
        char c = expression.charAt(at);
        if (c == '\'' || c == '"') {
            int end = endOfString(expression, at);
            out.append(unescaped(expression.substring(at, end)));
            at = end;
        } else if (c == '[' && slice()) {
            return;
        } else if (Character.isLetter(c) || c == '_') {
            word();
        } else {
            boolean twice = c == '}' && !out.isEmpty() && out.charAt(out.length() - 1) == '}';
            out.append(twice ? " " : "").append(c);
            at++;
        }
    }

    private boolean slice() {
        int close = followsValue() ? closing(expression, at) : -1;
        List<String> bounds = close < 0 ? List.of() : bounds(expression.substring(at + 1, close));
        if (bounds.size() < 2) {
            return false;
        }
        out.append(".slice(");
        for (int b = 0; b < 3; b++) {
            String bound = b < bounds.size() ? bounds.get(b).strip() : "";
            out.append(b == 0 ? "" : ", ").append(bound.isEmpty() ? "''" : rewritten(bound));
        }
        out.append(')');
        at = close + 1;
        return true;
    }

    private boolean followsValue() {
        if (out.isEmpty()) {
            return false;
        }
        char last = out.charAt(out.length() - 1);
        return Character.isLetterOrDigit(last) || "_)]'\"".indexOf(last) >= 0;
    }

    private void word() {
        String word = wordAt(expression, at);
        String before = out.toString().strip();
        at += word.length();
        out.append(word);
        if (!word.equals("not") || before.endsWith(" is") || before.endsWith(".")) {
            return;
        }
        int start = at;
        while (start < expression.length() && Character.isWhitespace(expression.charAt(start))) {
            start++;
        }
        if (wordAt(expression, start).equals("in")) {
            return;
        }
        int end = endOfComparison(start);
        out.append(" (")
                .append(rewritten(expression.substring(start, end).strip()))
                .append(')');
        if (end > start && Character.isWhitespace(expression.charAt(end - 1))) {
            out.append(' ');
        }
        at = end;
    }

    /** Where a word stands outside all brackets and strings, or -1. */
    static int wordOutside(String expression, String word, int from) {
        int depth = 0;
        for (int i = from; i < expression.length(); i++) {
            char c = expression.charAt(i);
            if (c == '\'' || c == '"') {
                i = endOfString(expression, i) - 1;
            } else if ("[({".indexOf(c) >= 0) {
                depth++;
            } else if ("])}".indexOf(c) >= 0) {
                depth--;
            } else if (Character.isLetter(c) || c == '_') {
                String found = wordAt(expression, i);
                if (depth == 0 && found.equals(word)) {
                    return i;
                }
                i += found.length() - 1;
            }
        }
        return -1;
    }

    /** Where the operand of a {@code not} ends: before whatever binds weaker. */
    private int endOfComparison(int start) {
        int depth = 0;
        for (int i = start; i < expression.length(); i++) {
            char c = expression.charAt(i);
            if (c == '\'' || c == '"') {
                i = endOfString(expression, i) - 1;
            } else if ("[({".indexOf(c) >= 0) {
                depth++;
            } else if ("])}".indexOf(c) >= 0 && --depth < 0) {
                return i;
            } else if (depth == 0 && (c == ',' || c == ':')) {
                return i;
            } else if (Character.isLetter(c) || c == '_') {
                String word = wordAt(expression, i);
                if (depth == 0 && List.of("and", "or", "if", "else").contains(word)) {
                    return i;
                }
                i += word.length() - 1;
            }
        }
        return expression.length();
    }

    private static String wordAt(String text, int start) {
        int end = start;
        while (end < text.length() && (Character.isLetterOrDigit(text.charAt(end)) || text.charAt(end) == '_')) {
            end++;
        }
        return text.substring(start, end);
    }

    private static String unescaped(String literal) {
        StringBuilder text = new StringBuilder(literal.length());
        for (int i = 0; i < literal.length(); i++) {
            char c = literal.charAt(i);
            char kind = c == '\\' && i + 1 < literal.length() ? literal.charAt(i + 1) : 0;
            int digits = kind == 'x' ? 2 : kind == 'u' ? 4 : 0;
            if (digits > 0 && i + 2 + digits < literal.length()) {
                text.append((char) hex(literal.substring(i + 2, i + 2 + digits)));
                i += 1 + digits;
            } else {
                text.append(c);
                if (kind != 0) {
                    text.append(kind);
                    i++;
                }
            }
        }
        return text.toString();
    }

    private static int hex(String digits) {
        try {
            return Integer.parseInt(digits, 16);
        } catch (NumberFormatException e) {
            throw new TemplateRefusal(
                    "the chat template has a string with the escape '" + digits + "', which is not hexadecimal");
        }
    }

    private static int endOfString(String text, int start) {
        for (int i = start + 1; i < text.length(); i++) {
            if (text.charAt(i) == '\\') {
                i++;
            } else if (text.charAt(i) == text.charAt(start)) {
                return i + 1;
            }
        }
        return text.length();
    }

    /** The bracket that closes the one at {@code open}, or -1. */
    private static int closing(String text, int open) {
        int depth = 0;
        for (int i = open; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\'' || c == '"') {
                i = endOfString(text, i) - 1;
            } else if ("[({".indexOf(c) >= 0) {
                depth++;
            } else if ("])}".indexOf(c) >= 0 && --depth == 0) {
                return i;
            }
        }
        return -1;
    }

    /** The parts between the colons outside all brackets and strings. */
    private static List<String> bounds(String inside) {
        List<String> bounds = new ArrayList<>();
        int depth = 0;
        int start = 0;
        for (int i = 0; i < inside.length(); i++) {
            char c = inside.charAt(i);
            if (c == '\'' || c == '"') {
                i = endOfString(inside, i) - 1;
            } else if ("[({".indexOf(c) >= 0) {
                depth++;
            } else if ("])}".indexOf(c) >= 0) {
                depth--;
            } else if (c == ':' && depth == 0) {
                bounds.add(inside.substring(start, i));
                start = i + 1;
            }
        }
        bounds.add(inside.substring(start));
        return bounds;
    }
}
