package dev.slayer.server.cli.suite;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.server.cli.bench.Report;
import dev.slayer.server.cli.bench.TextTable;
import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What the suite found.
 *
 * @param device where
 * @param facts about it and this version, by name
 * @param figures in the order of measuring
 */
public record SuiteReport(String device, Map<String, String> facts, List<Figure> figures) {
    private static final ObjectMapper JSON =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();
    private static final String[] HEADS = {
        "part", "shape", "figure", "value", "unit", "limit", "fraction", "target (H200, 8B bf16)", "met", "note"
    };
    private static final String WRONG =
            "!!! NUMERICS FAILED: this device was not shown to compute what the processor does. Do not trust the other figures. !!!";

    public SuiteReport {
        figures = List.copyOf(figures);
    }

    /** Whether all that was tried could be measured, and the numbers were right. */
    public boolean sound() {
        return !wrong() && figures.stream().noneMatch(figure -> figure.kind() == Figure.Kind.FAILED);
    }

    private boolean wrong() {
        return figures.stream()
                .filter(figure -> figure.part().equals(NumericsPart.NAME))
                .anyMatch(figure -> !figure.met().orElse(false));
    }

    /** For people. */
    public String table() {
        TextTable table = new TextTable().row(HEADS);
        figures.forEach(figure -> table.row(cells(figure).toArray(String[]::new)));
        return (wrong() ? WRONG + "\n\n" : "") + table.text();
    }

    /** The figures, each in a line, without heads. */
    String line() {
        return figures.stream()
                .map(figure -> String.join(
                        "  ",
                        cells(figure).stream().filter(cell -> !cell.isEmpty()).toList()))
                .collect(Collectors.joining("\n"));
    }

    /** The same as a document. */
    public String markdown() {
        StringBuilder text = new StringBuilder("# GPU suite on ").append(device).append("\n\n");
        facts.forEach((name, fact) ->
                text.append("- ").append(name).append(": ").append(fact).append('\n'));
        text.append(wrong() ? "\n**" + WRONG + "**\n" : "");
        text.append('\n').append(line(List.of(HEADS)));
        text.append("|---".repeat(HEADS.length)).append("|\n");
        figures.forEach(figure -> text.append(line(cells(figure))));
        return text.toString();
    }

    private static String line(List<String> cells) {
        return "| "
                + String.join(
                        " | ",
                        cells.stream()
                                .map(cell -> cell.replace("|", "\\|").replace("\n", " "))
                                .toList())
                + " |\n";
    }

    private static List<String> cells(Figure figure) {
        boolean measured = figure.kind() == Figure.Kind.MEASURED;
        String name = switch (figure.kind()) {
            case MEASURED -> figure.name();
            case ABSENT -> "not measured";
            case FAILED -> "FAILED";
        };
        return Stream.of(
                        figure.part(),
                        figure.shape(),
                        name,
                        measured ? number(figure.value()) : "",
                        measured ? figure.unit() : "",
                        measured ? number(figure.limit()) : "",
                        measured && figure.fraction().isPresent()
                                ? String.format(
                                        Locale.ROOT, "%.3f", figure.fraction().getAsDouble())
                                : "",
                        figure.target().map(Target::text).orElse(""),
                        figure.met().map(met -> met ? "yes" : "NO").orElse(""),
                        figure.note())
                .map(cell -> cell.replace('\n', ' '))
                .toList();
    }

    private static String number(OptionalDouble number) {
        return number.isEmpty()
                ? ""
                : Math.abs(number.getAsDouble()) < 0.001
                        ? String.format(Locale.ROOT, "%.2g", number.getAsDouble())
                        : Report.number(number.getAsDouble());
    }

    /** For programs: what is not known is left out. */
    public String json() {
        ObjectNode root = JSON.createObjectNode();
        root.put("device", device).put("numerics_failed", wrong());
        ObjectNode about = root.putObject("facts");
        facts.forEach(about::put);
        List<ObjectNode> rows = new ArrayList<>();
        for (Figure figure : figures) {
            ObjectNode row = JSON.createObjectNode();
            row.put("part", figure.part()).put("shape", figure.shape()).put("name", figure.name());
            row.put("kind", figure.kind().name().toLowerCase(Locale.ROOT));
            row.put("note", figure.note());
            if (figure.kind() == Figure.Kind.MEASURED) {
                figure.value().ifPresent(value -> row.put("value", value));
                row.put("unit", figure.unit());
                figure.limit().ifPresent(limit -> row.put("limit", limit));
                figure.fraction().ifPresent(fraction -> row.put("fraction", fraction));
                figure.target().ifPresent(target -> row.put("target", target.text()));
                figure.met().ifPresent(met -> row.put("met", met));
            }
            rows.add(row);
        }
        root.putArray("figures").addAll(rows);
        try {
            return JSON.writeValueAsString(root) + "\n";
        } catch (JsonProcessingException e) {
            throw SlayerException.internal("The report cannot be written as JSON: " + e.getOriginalMessage(), e);
        }
    }
}
