package dev.slayer.server.cli.suite;

import java.time.Duration;
import java.util.List;

/** A measurement, or a few that belong together. */
interface Part {
    /** As {@code --only} and the table write it. */
    String name();

    /**
     * Measures.
     *
     * @param stage what to measure on
     * @param time to keep to, loading of weights not counted; a part does less where it is slow, and says so
     * @throws RuntimeException if it cannot; that becomes a row of the table
     */
    List<Figure> measure(Stage stage, Duration time);
}
