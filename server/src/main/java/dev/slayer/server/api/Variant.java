package dev.slayer.server.api;

import dev.slayer.server.store.StoredVariant;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;

/**
 * A named variant and whether it can be served now.
 *
 * @param stored as it is kept
 * @param model as it is served; empty if it cannot be now
 * @param obstacle why it cannot be; empty if it can
 * @param requests inference requests so far, since the server started
 */
record Variant(StoredVariant stored, Optional<ServedModel> model, String obstacle, LongAdder requests) {
    String name() {
        return stored.name();
    }
}
