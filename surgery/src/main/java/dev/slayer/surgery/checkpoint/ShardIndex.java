package dev.slayer.surgery.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Reads {@code model.safetensors.index.json}: which file holds which tensor. */
final class ShardIndex {
    static final String FILE = "model.safetensors.index.json";
    private static final int SIZE_LIMIT = 8 << 20;

    private ShardIndex() {}

    /** The weight_map: tensor names to plain file names ending in {@code .safetensors}. */
    static Map<String, String> read(Folder folder) {
        Path file = folder.named(FILE);
        JsonNode map = Json.readObject(file, folder.require(FILE), SIZE_LIMIT).path("weight_map");
        if (!map.isObject() || map.isEmpty()) {
            throw new CheckpointException(file, "'weight_map' should be an object that names at least one tensor");
        }
        Map<String, String> shards = LinkedHashMap.newLinkedHashMap(map.size());
        map.properties().forEach(entry -> {
            JsonNode shard = entry.getValue();
            if (!shard.isTextual()
                    || !Folder.isPlain(shard.textValue())
                    || !shard.textValue().endsWith(".safetensors")) {
                throw new CheckpointException(
                        file,
                        "tensor '" + entry.getKey() + "' is said to be in " + ConfigObject.shown(shard)
                                + ", but a shard is a plain name of a .safetensors file in the same directory");
            }
            shards.put(entry.getKey(), shard.textValue());
        });
        return shards;
    }
}
