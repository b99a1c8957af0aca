package dev.slayer.server.engine;

import dev.slayer.server.text.Vocabulary;
import java.util.Objects;

/**
 * A checkpoint that an engine serves.
 *
 * @param name by which requests ask for it
 * @param runner owned by the engine from now on
 * @param vocabulary for text and stop strings
 */
public record EngineModel(String name, Runner runner, Vocabulary vocabulary) {
    public EngineModel {
        Objects.requireNonNull(name);
        Objects.requireNonNull(runner);
        Objects.requireNonNull(vocabulary);
    }
}
