package dev.slayer.server.cli.eval;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.server.cli.bench.TextTable;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.StringJoiner;

/** What variants got: tasks and their metrics in rows, variants in columns, each but the first with its difference to the first. */
final class EvalReport {
    private EvalReport() {}

    /**
     * The table.
     *
     * @param variants names, in the order of the results
     * @param results of {@code lm_eval.simple_evaluate}, one for each variant
     */
    static String table(List<String> variants, List<JsonNode> results) {
        TextTable table = new TextTable();
        List<String> heading = new ArrayList<>(List.of("task, metric", "shots", "items"));
        heading.addAll(variants);
        table.row(heading.toArray(String[]::new));
        JsonNode first = results.getFirst();
        Set<String> parts = partsOfGroups(first);
        for (Map.Entry<String, JsonNode> task : first.get("results").properties()) {
            if (parts.contains(task.getKey())) {
                continue;
            }
            for (String metric : metrics(task.getValue())) {
                table.row(row(task.getKey(), metric, results).toArray(String[]::new));
            }
        }
        return table.text();
    }

    /** Tasks whose scores go into the score of a group: MMLU has 57. */
    private static Set<String> partsOfGroups(JsonNode result) {
        Set<String> parts = new HashSet<>();
        for (Map.Entry<String, JsonNode> group : result.path("group_subtasks").properties()) {
            if (!metrics(result.get("results").path(group.getKey())).isEmpty()) {
                group.getValue().forEach(part -> parts.add(part.asText()));
            }
        }
        return parts;
    }

    private static List<String> metrics(JsonNode scores) {
        return scores.properties().stream()
                .filter(score -> score.getValue().isNumber())
                .map(Map.Entry::getKey)
                .filter(name -> name.contains(",") && !name.contains("_stderr,"))
                .toList();
    }

    private static List<String> row(String task, String metric, List<JsonNode> results) {
        JsonNode first = results.getFirst();
        int comma = metric.indexOf(',');
        String filter = metric.substring(comma + 1);
        String label = task + " " + metric.substring(0, comma) + (filter.equals("none") ? "" : " " + filter);
        JsonNode items = first.path("n-samples").path(task).path("effective");
        List<String> row = new ArrayList<>(
                List.of(label, first.path("n-shot").path(task).asText(""), items.isNumber() ? items.asText() : ""));
        double reference = score(first, task, metric).asDouble();
        for (int i = 0; i < results.size(); i++) {
            double score = score(results.get(i), task, metric).asDouble();
            row.add(cell(score, i == 0, score - reference, stderr(results.get(i), task, metric)));
        }
        return row;
    }

    private static String cell(double score, boolean isReference, double difference, JsonNode stderr) {
        StringJoiner cell = new StringJoiner(" ");
        cell.add(String.format(Locale.ROOT, "%.4f", score));
        if (!isReference) {
            cell.add(String.format(Locale.ROOT, "(%+.4f)", difference));
        }
        if (stderr.isNumber()) {
            cell.add(String.format(Locale.ROOT, "±%.4f", stderr.asDouble()));
        }
        return cell.toString();
    }

    private static JsonNode score(JsonNode result, String task, String metric) {
        return result.get("results").path(task).path(metric);
    }

    /** The standard error as the harness computes it; a text or nothing where it has none. */
    private static JsonNode stderr(JsonNode result, String task, String metric) {
        int comma = metric.indexOf(',');
        return result.get("results").path(task).path(metric.substring(0, comma) + "_stderr" + metric.substring(comma));
    }
}
