package dev.slayer.clients;

import java.util.HashMap;
import java.util.Map;
import java.util.Objects;

/** The open part of a request: fields by the API's own names. */
final class Parameters {
    private Parameters() {}

    /** A copy with one field set. */
    static Map<String, Object> with(Map<String, Object> parameters, String field, Object value) {
        Map<String, Object> changed = new HashMap<>(parameters);
        changed.put(Objects.requireNonNull(field), Objects.requireNonNull(value));
        return changed;
    }
}
