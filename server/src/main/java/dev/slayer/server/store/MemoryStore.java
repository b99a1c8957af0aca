package dev.slayer.server.store;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Variants in memory only. */
final class MemoryStore implements VariantStore {
    private final Map<String, StoredVariant> variants = new LinkedHashMap<>();

    @Override
    public synchronized List<StoredVariant> all() {
        return List.copyOf(variants.values());
    }

    @Override
    public synchronized void add(StoredVariant variant) {
        if (variants.putIfAbsent(variant.name(), variant) != null) {
            throw VariantStore.taken(variant.name());
        }
    }

    @Override
    public synchronized void remove(String name) {
        variants.remove(name);
    }

    @Override
    public void close() {}
}
