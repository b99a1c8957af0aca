package dev.slayer.surgery.delta;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.surgery.checkpoint.CheckpointException;
import dev.slayer.surgery.layout.Layout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.TreeSet;

/** The JSON of a delta's description. Keys that are not known are passed over; another format or version is refused. */
final class DeltaJson {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String FORMAT = "slayer-delta";
    private static final int VERSION = 1;
    private static final int SHORT_TEXT = 1_000;

    private final Path file;

    private DeltaJson(Path file) {
        this.file = file;
    }

    static DeltaInfo read(Path file, JsonNode root) {
        return new DeltaJson(file).info(root);
    }

    static byte[] write(DeltaInfo info) {
        Provenance from = info.provenance();
        ObjectNode root = JSON.createObjectNode();
        root.put("format", FORMAT).put("version", VERSION).put("layout", info.layout());
        root.putObject("base").put("name", from.baseName()).put("hash", from.baseHash());
        root.put("method", from.method());
        ArrayNode trained = root.putArray("trained");
        info.slots().forEach(trained::add);
        info.scale().ifPresent(scale -> {
            ObjectNode lora = root.putObject("lora").put("alpha", scale.alpha());
            scale.rank().ifPresent(rank -> lora.put("rank", rank));
        });
        ObjectNode provenance = root.putObject("provenance");
        ArrayNode data = provenance.putArray("data");
        for (Provenance.DataFile source : from.data()) {
            ObjectNode entry = data.addObject().put("name", source.name());
            source.bytes().ifPresent(bytes -> entry.put("bytes", bytes));
            source.sha256().ifPresent(hash -> entry.put("sha256", hash));
        }
        provenance.put("recipe", from.recipe()).put("seed", from.seed());
        provenance.put("tokens", from.tokens()).put("steps", from.steps());
        provenance.put("created", from.created().toString()).put("made_by", from.madeBy());
        return (root.toPrettyString() + "\n").getBytes(StandardCharsets.UTF_8);
    }

    private DeltaInfo info(JsonNode root) {
        if (!FORMAT.equals(root.path("format").asText())) {
            throw refuse("format", "is not \"" + FORMAT + "\"");
        }
        long version = number(root, "", "version", 1, Integer.MAX_VALUE);
        if (version != VERSION) {
            throw refuse("version", "is " + version + ", but this version of Slayer reads " + VERSION);
        }
        try {
            return new DeltaInfo(text(root, "", "layout", Layout.MAX_TEXT), slots(root), scale(root), provenance(root));
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(file, String.valueOf(e.getMessage()), e);
        }
    }

    private NavigableSet<Integer> slots(JsonNode root) {
        JsonNode trained = root.path("trained");
        if (!trained.isArray() || trained.size() > Layout.MAX_SLOTS) {
            throw refuse("trained", "must be a list of at most " + Layout.MAX_SLOTS + " slots");
        }
        NavigableSet<Integer> slots = new TreeSet<>();
        for (JsonNode slot : trained) {
            if (!slot.isInt() || slot.intValue() < 0 || !slots.add(slot.intValue())) {
                throw refuse("trained", "must hold numbers of slots, each once");
            }
        }
        return slots;
    }

    private Optional<LowRankScale> scale(JsonNode root) {
        if (!root.has("lora")) {
            return Optional.empty();
        }
        JsonNode lora = object(root, "lora");
        if (!lora.path("alpha").isNumber()) {
            throw refuse("lora.alpha", "must be a number");
        }
        OptionalInt rank = lora.has("rank")
                ? OptionalInt.of((int) number(lora, "lora.", "rank", 1, Integer.MAX_VALUE))
                : OptionalInt.empty();
        return Optional.of(new LowRankScale(lora.path("alpha").doubleValue(), rank));
    }

    private Provenance provenance(JsonNode root) {
        JsonNode base = object(root, "base");
        JsonNode node = object(root, "provenance");
        String of = "provenance.";
        return new Provenance(
                text(base, "base.", "name", SHORT_TEXT),
                text(base, "base.", "hash", SHORT_TEXT),
                text(root, "", "method", SHORT_TEXT),
                data(node),
                text(node, of, "recipe", Provenance.MAX_RECIPE),
                number(node, of, "seed", Long.MIN_VALUE, Long.MAX_VALUE),
                number(node, of, "tokens", 0, Long.MAX_VALUE),
                number(node, of, "steps", 0, Long.MAX_VALUE),
                instant(text(node, of, "created", SHORT_TEXT)),
                text(node, of, "made_by", SHORT_TEXT));
    }

    private List<Provenance.DataFile> data(JsonNode provenance) {
        JsonNode data = provenance.path("data");
        if (!data.isArray() || data.size() > Provenance.MAX_DATA) {
            throw refuse("provenance.data", "must be a list of at most " + Provenance.MAX_DATA + " files");
        }
        List<Provenance.DataFile> files = new ArrayList<>();
        for (JsonNode entry : data) {
            String of = "provenance.data.";
            files.add(new Provenance.DataFile(
                    text(entry, of, "name", Layout.MAX_TEXT),
                    entry.has("bytes")
                            ? OptionalLong.of(number(entry, of, "bytes", 0, Long.MAX_VALUE))
                            : OptionalLong.empty(),
                    entry.has("sha256") ? Optional.of(text(entry, of, "sha256", SHORT_TEXT)) : Optional.empty()));
        }
        return files;
    }

    private Instant instant(String text) {
        try {
            return Instant.parse(text);
        } catch (DateTimeParseException e) {
            throw new CheckpointException(file, "'provenance.created' is no time such as 2026-01-31T12:00:00Z", e);
        }
    }

    private JsonNode object(JsonNode parent, String key) {
        JsonNode node = parent.path(key);
        if (!node.isObject()) {
            throw refuse(key, "must be an object");
        }
        return node;
    }

    private String text(JsonNode parent, String path, String key, int longest) {
        JsonNode node = parent.path(key);
        if (!node.isTextual() || node.textValue().length() > longest) {
            throw refuse(path + key, "must be a string of at most " + longest + " characters");
        }
        return node.textValue();
    }

    private long number(JsonNode parent, String path, String key, long least, long most) {
        JsonNode node = parent.path(key);
        if (!node.isIntegralNumber()
                || !node.canConvertToLong()
                || node.longValue() < least
                || node.longValue() > most) {
            throw refuse(path + key, "must be a whole number from " + least + " to " + most);
        }
        return node.longValue();
    }

    private CheckpointException refuse(String key, String problem) {
        return new CheckpointException(file, "'" + key + "' " + problem);
    }
}
