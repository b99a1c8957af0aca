package dev.slayer.server.api;

import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.Arrays;

/** Upper bounds of a timer's buckets. */
final class Buckets {
    private static final double NANOS = 1e9;

    private Buckets() {}

    /** Sets them, in seconds. */
    static Timer.Builder seconds(Timer.Builder timer, double... bounds) {
        return timer.serviceLevelObjectives(Arrays.stream(bounds)
                .mapToObj(seconds -> Duration.ofNanos(Math.round(seconds * NANOS)))
                .toArray(Duration[]::new));
    }
}
