package dev.slayer.surgery.checkpoint;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** Spoilt directories: hostile indexes, shards that are not what the index says, things that are no files. */
final class DirectoryCorruptions {
    private static final String MODEL = "model.safetensors";
    private static final String INDEX = "model.safetensors.index.json";
    private static final String FIRST = "model-00001-of-00003.safetensors";
    private static final String SECOND = "model-00002-of-00003.safetensors";

    private DirectoryCorruptions() {}

    static List<Corruption> all() {
        return List.of(
                shardNames(),
                indexTexts(),
                Corruption.onDisk("weight maps", 3, weightMaps()),
                Corruption.onDisk("shards", 3, shards()),
                Corruption.of("a shard cut at a random place", 6, (directory, random, _) -> {
                    Path shard = TinyCheckpoint.sharded(3).write(directory).resolve(SECOND);
                    byte[] bytes = Files.readAllBytes(shard);
                    Files.write(shard, Arrays.copyOf(bytes, random.nextInt(bytes.length)));
                }),
                Corruption.onDisk("things that are no files", 1, things()));
    }

    private static Corruption shardNames() {
        List<String> names = List.of(
                "../model-00002-of-00003.safetensors",
                "/etc/model-00002-of-00003.safetensors",
                "sub/model-00002-of-00003.safetensors",
                "..\\model-00002-of-00003.safetensors",
                "C:model-00002-of-00003.safetensors",
                "..",
                ".",
                "",
                "model\0.safetensors",
                "pytorch_model-00002-of-00003.bin",
                "config.json",
                "absent.safetensors",
                "n".repeat(300) + ".safetensors");
        return Corruption.of("names of shards", names.size(), (directory, _, number) -> {
            TinyCheckpoint tiny = TinyCheckpoint.sharded(3);
            ((ObjectNode) tiny.index.get("weight_map")).put(TensorNames.FINAL_NORM, names.get(number));
            tiny.write(directory);
        });
    }

    private static Corruption indexTexts() {
        byte[] tooLarge = new byte[9 << 20];
        Arrays.fill(tooLarge, (byte) ' ');
        List<byte[]> texts = List.of(
                new byte[0],
                utf8("[]"),
                utf8("null"),
                utf8("{}"),
                utf8("{\"weight_map\": []}"),
                utf8("{\"weight_map\": {}}"),
                utf8("{\"weight_map\": {\"a\": 1}}"),
                utf8("{\"weight_map\": {\"a\": {\"b\": \"c\"}}}"),
                utf8("{\"weight_map\": {\"a\": \"" + FIRST + "\", \"a\": \"" + FIRST + "\"}}"),
                utf8("{\"weight_map\": {\"a\": \"" + FIRST + "\"}} {}"),
                utf8("{\"weight_map\": " + "[".repeat(100_000)),
                "{\"é\": 1}".getBytes(StandardCharsets.ISO_8859_1),
                tooLarge);
        return Corruption.of("texts of the index", texts.size(), (directory, _, number) -> {
            TinyCheckpoint.sharded(3).write(directory);
            Files.write(directory.resolve(INDEX), texts.get(number));
        });
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static List<Corruption.Change<Path>> weightMaps() {
        return List.of(
                directory -> changeMap(directory, map -> map.remove(TensorNames.FINAL_NORM)),
                directory -> changeMap(directory, map -> map.put("model.extra.weight", FIRST)),
                directory -> changeMap(directory, map -> map.put(LayerTensor.UP.name(9), SECOND)),
                directory ->
                        changeMap(directory, map -> map.properties().forEach(entry -> map.put(entry.getKey(), FIRST))),
                directory -> changeMap(directory, map -> {
                    String home = map.get(TensorNames.EMBEDDING).textValue();
                    map.put(TensorNames.EMBEDDING, home.equals(FIRST) ? SECOND : FIRST);
                }));
    }

    private static void changeMap(Path directory, Corruption.Change<ObjectNode> change) throws IOException {
        Path file = directory.resolve(INDEX);
        ObjectNode index = (ObjectNode) SafetensorsWriter.JSON.readTree(file.toFile());
        change.to((ObjectNode) index.get("weight_map"));
        SafetensorsWriter.JSON.writeValue(file.toFile(), index);
    }

    private static List<Corruption.Change<Path>> shards() {
        return List.of(
                directory -> Files.delete(directory.resolve(FIRST)),
                directory -> Files.delete(directory.resolve(SECOND)),
                directory -> replaceByDirectory(directory.resolve(SECOND)),
                directory -> {
                    Files.move(directory.resolve(FIRST), directory.resolve("x"));
                    Files.move(directory.resolve(SECOND), directory.resolve(FIRST));
                    Files.move(directory.resolve("x"), directory.resolve(SECOND));
                },
                directory -> {
                    Files.delete(directory.resolve(SECOND));
                    Files.copy(directory.resolve(FIRST), directory.resolve(SECOND));
                },
                directory -> {
                    Files.delete(directory.resolve(SECOND));
                    Files.createSymbolicLink(directory.resolve(SECOND), Path.of(FIRST));
                });
    }

    private static List<Corruption.Change<Path>> things() {
        return List.of(
                directory -> replaceByDirectory(directory.resolve(MODEL)),
                directory -> replaceByDirectory(directory.resolve("config.json")),
                directory -> replaceByDirectory(directory.resolve("generation_config.json")),
                directory -> {
                    Files.delete(directory.resolve(MODEL));
                    Files.createDirectory(directory.resolve(INDEX));
                },
                directory -> replaceByLink(directory.resolve(MODEL), "/dev/zero"),
                directory -> replaceByLink(directory.resolve("config.json"), "/dev/zero"),
                directory -> replaceByLink(directory.resolve("config.json"), "config.json"),
                directory -> replaceByLink(directory.resolve(MODEL), "nowhere"),
                directory -> {
                    Path outside = directory.resolveSibling(directory.getFileName() + "-outside");
                    Files.move(directory.resolve(MODEL), outside);
                    Files.createSymbolicLink(directory.resolve(MODEL), outside);
                },
                directory -> Files.delete(directory.resolve(MODEL)),
                directory -> Files.delete(directory.resolve("config.json")),
                directory -> {
                    for (String name : List.of("config.json", "generation_config.json", MODEL)) {
                        Files.delete(directory.resolve(name));
                    }
                });
    }

    private static void replaceByDirectory(Path file) throws IOException {
        Files.delete(file);
        Files.createDirectory(file);
    }

    private static void replaceByLink(Path file, String target) throws IOException {
        Files.delete(file);
        Files.createSymbolicLink(file, Path.of(target));
    }
}
