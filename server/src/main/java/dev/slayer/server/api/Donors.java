package dev.slayer.server.api;

import dev.slayer.surgery.layout.LayerRef;
import dev.slayer.surgery.layout.Layout;
import java.util.Set;
import java.util.TreeSet;

/** Which other checkpoints a layout takes layers of. */
final class Donors {
    private Donors() {}

    /** Their names. */
    static Set<String> of(Layout layout) {
        Set<String> names = new TreeSet<>();
        layout.slots()
                .forEach(slot -> slot.recipe().layers().stream()
                        .filter(layer -> !layer.ofBase())
                        .map(LayerRef::checkpoint)
                        .forEach(names::add));
        return names;
    }
}
