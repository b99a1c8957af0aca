package dev.slayer.server.cli.eval;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.List;
import org.junit.jupiter.api.Test;

class EvalReportTest {
    private static JsonNode result(double accuracy, double match) throws Exception {
        return new ObjectMapper().readTree("""
                        {"results": {
                           "choice": {"alias": "choice", "sample_len": 8, "acc,none": %s, "acc_stderr,none": 0.0625},
                           "sums": {"exact_match,strict": %s, "exact_match_stderr,strict": "N/A"},
                           "group": {"acc,none": 0.5, "acc_stderr,none": 0.25},
                           "part": {"acc,none": 0.5, "acc_stderr,none": 0.25},
                           "heading": {"alias": "heading"},
                           "listed": {"f1,none": 1}},
                         "group_subtasks": {"group": ["part"], "heading": ["listed"]},
                         "n-shot": {"choice": 5, "sums": 0},
                         "n-samples": {"choice": {"original": 9, "effective": 8}, "sums": {"original": 4, "effective": 4}}}
                        """.formatted(accuracy, match));
    }

    @Test
    void tasksAreRowsVariantsAreColumnsAndDifferencesAreToTheFirst() throws Exception {
        String table = EvalReport.table(List.of("base", "base@remove=5"), List.of(result(0.75, 1), result(0.5, 1)));
        assertThat(table).isEqualTo("""
                        task, metric             shots  items            base             base@remove=5
                        choice acc                   5      8  0.7500 ±0.0625  0.5000 (-0.2500) ±0.0625
                        sums exact_match strict      0      4          1.0000          1.0000 (+0.0000)
                        group acc                              0.5000 ±0.2500  0.5000 (+0.0000) ±0.2500
                        listed f1                                      1.0000          1.0000 (+0.0000)
                        """);
    }
}
