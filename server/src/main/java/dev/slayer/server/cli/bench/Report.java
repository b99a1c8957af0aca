package dev.slayer.server.cli.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.slayer.surgery.SlayerException;
import java.util.Locale;

/** What a run of the benchmark found. */
public sealed interface Report permits LoadReport, NewLayoutsReport, ChoicesReport {
    /** For people. */
    String table();

    /** Requests that failed, of all that count. */
    int errorCount();

    /** For programs: snake_case names, times in milliseconds. */
    default String json() {
        ObjectMapper mapper = JsonMapper.builder()
                .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
                .enable(SerializationFeature.INDENT_OUTPUT)
                .build();
        try {
            return mapper.writeValueAsString(this) + "\n";
        } catch (JsonProcessingException e) {
            throw SlayerException.internal("The report cannot be written as JSON: " + e.getOriginalMessage(), e);
        }
    }

    /** Three significant digits or so: 0.123, 4.56, 78.9, 1234. */
    static String number(double value) {
        double size = Math.abs(value);
        int decimals = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
        return String.format(Locale.ROOT, "%." + decimals + "f", value);
    }
}
