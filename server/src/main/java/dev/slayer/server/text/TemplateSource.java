package dev.slayer.server.text;

/**
 * Rewrites a template so that its text outside tags is exactly what is to be shown: whitespace control ({@code -} and {@code +}),
 * {@code trim_blocks}, {@code lstrip_blocks} and the last newline are settled here by the rules of Jinja2's manual, and comments
 * disappear. Jinjava has such settings of its own, but they also take spaces between words and newlines behind expressions.
 */
final class TemplateSource {
    private final String source;
    private final StringBuilder out;
    private final LoopTags tags = new LoopTags();
    private int at;
    private boolean lineStart = true; // whether what came before the text ended with a newline
    private boolean trimNext; // a tag before the text ended with '-'

    private TemplateSource(String source) {
        this.source = source;
        this.out = new StringBuilder(source.length());
    }

    /**
     * The rewritten template.
     *
     * @throws TemplateRefusal if a tag is not closed
     */
    static String plain(String template) {
        String lines = template.replace("\r\n", "\n").replace('\r', '\n');
        String whole = lines.endsWith("\n") ? lines.substring(0, lines.length() - 1) : lines;
        TemplateSource source = new TemplateSource(whole);
        while (source.at < whole.length()) {
            source.next();
        }
        return source.out.toString();
    }

    private void next() {
        int open = opening(at);
        if (open < 0) {
            text(source.substring(at));
            at = source.length();
            return;
        }
        char kind = source.charAt(open + 1);
        char control = open + 2 < source.length() ? source.charAt(open + 2) : ' ';
        text(before(source.substring(at, open), kind, control));
        int close = closing(open, kind);
        int bodyStart = open + (control == '-' || control == '+' ? 3 : 2);
        boolean closesHard = close > bodyStart && source.charAt(close - 1) == '-';
        boolean closesPlus = kind != '{' && close > bodyStart && source.charAt(close - 1) == '+';
        String body = source.substring(bodyStart, closesHard || closesPlus ? close - 1 : close);
        at = close + 2;
        if (kind == '%' && body.strip().equals("raw")) {
            raw(closesHard);
            return;
        }
        String expression = kind == '#' ? "" : PythonSyntax.rewritten(body.strip());
        switch (kind) {
            case '{' -> out.append("{{ ").append(expression).append(" }}");
            case '%' -> out.append(tags.rewritten(expression));
            default -> {} // a comment
        }
        after(kind, closesHard, closesPlus);
    }

    private int opening(int from) {
        for (int i = source.indexOf('{', from); i >= 0 && i + 1 < source.length(); i = source.indexOf('{', i + 1)) {
            char kind = source.charAt(i + 1);
            if (kind == '{' || kind == '%' || kind == '#') {
                return i;
            }
        }
        return -1;
    }

    /** Where the tag's closing bracket begins; strings inside a tag may hold anything. */
    private int closing(int open, char kind) {
        if (kind == '#') {
            return found(source.indexOf("#}", open + 2), open);
        }
        String end = kind == '{' ? "}}" : "%}";
        int braces = 0;
        for (int i = open + 2; i < source.length(); i++) {
            char c = source.charAt(i);
            if (c == '"' || c == '\'') {
                i = found(endOfString(i), open);
            } else if (braces == 0 && source.startsWith(end, i)) {
                return i;
            } else if (c == '{') {
                braces++;
            } else if (c == '}') {
                braces--;
            }
        }
        return found(-1, open);
    }

    private int endOfString(int start) {
        for (int i = start + 1; i < source.length(); i++) {
            if (source.charAt(i) == '\\') {
                i++;
            } else if (source.charAt(i) == source.charAt(start)) {
                return i;
            }
        }
        return -1;
    }

    private int found(int index, int open) {
        if (index < 0) {
            long line = source.substring(0, open).chars().filter(c -> c == '\n').count() + 1;
            throw new TemplateRefusal("line " + line + " of the chat template: the tag that begins here is not closed");
        }
        return index;
    }

    /** Text before a tag: '-' takes all white space; a block or comment alone on its line takes its indentation. */
    private String before(String text, char kind, char control) {
        String trimmed = trimNext ? text.stripLeading() : text;
        if (control == '-') {
            return trimmed.stripTrailing();
        }
        if (kind == '{' || control == '+') {
            return trimmed;
        }
        int line = trimmed.lastIndexOf('\n') + 1;
        boolean alone = (line > 0 || lineStart) && trimmed.substring(line).isBlank();
        return alone ? trimmed.substring(0, line) : trimmed;
    }

    private void text(String text) {
        out.append(trimNext ? text.stripLeading() : text);
        trimNext = false;
    }

    /** Text after a tag: '-' takes all white space, a block or comment takes one newline. */
    private void after(char kind, boolean hard, boolean plus) {
        lineStart = false;
        trimNext = hard;
        if (hard) {
            int end = at;
            while (end < source.length() && Character.isWhitespace(source.charAt(end))) {
                end++;
            }
            lineStart = end > at && source.charAt(end - 1) == '\n';
        } else if (kind != '{' && !plus && source.startsWith("\n", at)) {
            at++;
            lineStart = true;
        }
    }

    private void raw(boolean hard) {
        int end = at;
        int tag;
        do {
            tag = found(source.indexOf("{%", end), at - 2);
            end = tag + 2;
        } while (!source.substring(end).stripLeading().startsWith("endraw")
                && !source.substring(Math.min(end + 1, source.length()))
                        .stripLeading()
                        .startsWith("endraw"));
        int close = found(source.indexOf("%}", end), tag);
        String text = source.substring(at, tag);
        String inner = before(hard ? text.stripLeading() : text, '%', source.charAt(tag + 2));
        out.append("{% raw %}").append(inner).append("{% endraw %}");
        at = close + 2;
        after('%', source.charAt(close - 1) == '-', source.charAt(close - 1) == '+');
    }
}
