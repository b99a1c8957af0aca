package dev.slayer.server.cli.ab;

import java.util.ArrayList;
import java.util.List;

/** Texts beside one another, each wrapped to its share of the width; one below the other where that is too narrow. */
final class Columns {
    private static final String GAP = " | ";
    private static final int NARROWEST = 16;

    private final int width;

    /** @param width of a line */
    Columns(int width) {
        this.width = width;
    }

    /** Lines ending in a line feed each, without spaces at their ends. */
    String text(List<String> titles, List<String> texts) {
        int share = (width - GAP.length() * (titles.size() - 1)) / titles.size();
        StringBuilder out = new StringBuilder();
        if (share < NARROWEST) {
            for (int i = 0; i < titles.size(); i++) {
                below(out, titles.get(i), texts.get(i));
            }
            return out.toString();
        }
        List<List<String>> columns = new ArrayList<>();
        int height = 0;
        for (int i = 0; i < titles.size(); i++) {
            List<String> lines = new ArrayList<>(wrap(titles.get(i), share));
            columns.add(lines);
            height = Math.max(height, lines.size());
        }
        for (int i = 0; i < titles.size(); i++) {
            List<String> lines = columns.get(i);
            while (lines.size() < height) {
                lines.add("");
            }
            lines.add("-".repeat(share));
            lines.addAll(wrap(texts.get(i), share));
        }
        beside(out, columns, share);
        return out.toString();
    }

    private void below(StringBuilder out, String title, String text) {
        wrap(title, width).forEach(line -> out.append(line).append('\n'));
        out.append("-".repeat(width)).append('\n');
        wrap(text, width).forEach(line -> out.append(line).append('\n'));
        out.append('\n');
    }

    private static void beside(StringBuilder out, List<List<String>> columns, int share) {
        int height = columns.stream().mapToInt(List::size).max().orElse(0);
        for (int row = 0; row < height; row++) {
            StringBuilder line = new StringBuilder();
            for (int column = 0; column < columns.size(); column++) {
                List<String> lines = columns.get(column);
                String cell = row < lines.size() ? lines.get(row) : "";
                line.append(column == 0 ? "" : GAP).append(cell).append(" ".repeat(share - length(cell)));
            }
            out.append(line.toString().stripTrailing()).append('\n');
        }
    }

    /** Breaks at spaces where it can; words longer than a line are cut. Control characters cannot reach the terminal. */
    static List<String> wrap(String text, int width) {
        List<String> lines = new ArrayList<>();
        for (String paragraph : text.split("\n", -1)) {
            String rest = visible(paragraph).stripTrailing();
            while (length(rest) > width) {
                int end = rest.offsetByCodePoints(0, width);
                int space = rest.lastIndexOf(' ', end);
                boolean breaks = space > 0 && !rest.substring(0, space).isBlank();
                lines.add(rest.substring(0, breaks ? space : end).stripTrailing());
                rest = rest.substring(breaks ? space + 1 : end);
            }
            lines.add(rest);
        }
        return lines;
    }

    private static String visible(String text) {
        StringBuilder visible = new StringBuilder();
        text.codePoints()
                .map(c -> c == '\t' ? ' ' : Character.isISOControl(c) ? 0xFFFD : c)
                .forEach(visible::appendCodePoint);
        return visible.toString();
    }

    private static int length(String text) {
        return text.codePointCount(0, text.length());
    }
}
