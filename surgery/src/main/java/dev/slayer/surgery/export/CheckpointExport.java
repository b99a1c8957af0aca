package dev.slayer.surgery.export;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.recipe.LayerSource;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.LongConsumer;

/**
 * Writes a layout as a Hugging Face checkpoint of its own: layers renumbered, gates folded into the last matrix of each sublayer,
 * config.json with the new depth, tokenizer files copied, and {@code slayer-layout.json}, which says where it came from.
 *
 * <p>Computed tensors have the base's element type; layers taken as they are keep their own. Tensors of the base that the model
 * does not use are left out. One tensor is in memory at a time. The target appears in one step, when everything is on the device;
 * whatever goes wrong before leaves nothing. Only the end of the process can leave a hidden {@code .slayer-export-*} folder.
 *
 * @param target a folder that does not exist yet, or an empty one; its parent must exist
 * @param shardBytes most bytes of tensors in one file; a larger tensor has a file of its own
 * @param baseName what slayer-layout.json calls the base
 * @param madeBy name and version of the writer, for slayer-layout.json
 */
public record CheckpointExport(Path target, long shardBytes, String baseName, String madeBy) {
    /** Shard size where nobody asks for another, as in transformers. */
    public static final long DEFAULT_SHARD_BYTES = 5_000_000_000L;

    /** What the export says of itself; readers of checkpoints ignore it. */
    public static final String LAYOUT_FILE = "slayer-layout.json";

    private static final String STAGING = ".slayer-export-";
    private static final String CONFIG = "config.json";
    private static final String INDEX = "model.safetensors.index.json";
    /** What belongs to a model beside config and weights. Nothing else is copied, so names never come from outside. */
    private static final List<String> COPIED = List.of(
            "generation_config.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "tokenizer.model",
            "special_tokens_map.json",
            "added_tokens.json",
            "vocab.json",
            "merges.txt",
            "chat_template.jinja",
            "chat_template.json",
            "LICENSE",
            "LICENSE.txt",
            "LICENSE.md",
            "NOTICE",
            "NOTICE.txt",
            "USE_POLICY.md");

    private static final ObjectMapper JSON = new ObjectMapper();

    public CheckpointExport {
        Objects.requireNonNull(target);
        Objects.requireNonNull(baseName);
        Objects.requireNonNull(madeBy);
        if (shardBytes < 1) {
            throw SlayerException.badRequest("shard_size", "shard size " + shardBytes + " must be at least 1 byte");
        }
    }

    /** Told how far an export is, on the thread that exports. */
    @FunctionalInterface
    public interface Progress {
        /**
         * More was written.
         *
         * @param done bytes of tensors
         * @param of all bytes of tensors
         */
        void written(long done, long of);
    }

    /**
     * What was written.
     *
     * @param folder the target
     * @param layers depth of the new model
     * @param files number of weight files
     * @param bytes of all tensors
     */
    public record Written(Path folder, int layers, int files, long bytes) {}

    /**
     * Writes the checkpoint. An interrupt of the thread stops it.
     *
     * @param sources checkpoints by name; the empty name must give the base
     * @throws SlayerException 400 if the target cannot be used or a layer does not exist, 507 if the device lacks space, 503 if
     *     interrupted, 500 if writing fails
     */
    public Written write(Checkpoint base, Layout layout, LayerSource sources, Progress progress) {
        ExportPlan plan = ExportPlan.of(base, layout, sources, shardBytes);
        Map<String, byte[]> texts = texts(base, layout, plan);
        try (Staging staging = Staging.beside(target, STAGING)) {
            requireSpace(needed(base, plan, texts), staging.usableBytes());
            copyFiles(base, staging.folder());
            for (Map.Entry<String, byte[]> text : texts.entrySet()) {
                writeText(staging.folder().resolve(text.getKey()), text.getValue());
            }
            LongConsumer count = counter(plan.bytes(), progress);
            for (ExportPlan.Shard shard : plan.shards()) {
                ShardWriter.write(staging.folder().resolve(shard.file()), shard.items(), count);
            }
            base.verifyUnchanged();
            layout.checkpoints().forEach(name -> sources.checkpoint(name).verifyUnchanged());
            staging.commit();
        } catch (ClosedByInterruptException e) {
            throw new SlayerException(
                    503, "export_interrupted", "target", "the export to " + target + " was interrupted", e);
        } catch (IOException e) {
            throw SlayerException.internal("the export to " + target + " failed: " + e, e);
        }
        return new Written(target, layout.depth(), plan.shards().size(), plan.bytes());
    }

    private static LongConsumer counter(long of, Progress progress) {
        long[] done = new long[1];
        return bytes -> {
            done[0] += bytes;
            progress.written(done[0], of);
        };
    }

    /** Everything that is made here and small: config, index, origin. */
    private Map<String, byte[]> texts(Checkpoint base, Layout layout, ExportPlan plan) {
        Map<String, byte[]> texts = new TreeMap<>();
        Path config = base.file(CONFIG)
                .orElseThrow(() -> SlayerException.badRequest("base", base.directory() + " has lost its config.json"));
        texts.put(CONFIG, ConfigEdit.withDepth(config, layout.depth()).getBytes(StandardCharsets.UTF_8));
        ObjectNode origin = JSON.createObjectNode();
        origin.put("layout", layout.text()).put("base", baseName).put("made_by", madeBy);
        texts.put(LAYOUT_FILE, bytes(origin));
        if (plan.shards().size() > 1) {
            ObjectNode index = JSON.createObjectNode();
            index.putObject("metadata").put("total_size", plan.bytes());
            ObjectNode homes = index.putObject("weight_map");
            plan.shards().forEach(shard -> shard.items().forEach(item -> homes.put(item.name(), shard.file())));
            texts.put(INDEX, bytes(index));
        }
        return texts;
    }

    private static byte[] bytes(ObjectNode node) {
        return (node.toPrettyString() + "\n").getBytes(StandardCharsets.UTF_8);
    }

    private static long needed(Checkpoint base, ExportPlan plan, Map<String, byte[]> texts) throws IOException {
        long bytes = 0;
        for (ExportPlan.Shard shard : plan.shards()) {
            bytes += ShardWriter.size(shard.items());
        }
        for (byte[] text : texts.values()) {
            bytes += text.length;
        }
        for (String name : COPIED) {
            Optional<Path> file = base.file(name);
            bytes += file.isPresent() ? Files.size(file.get()) : 0;
        }
        return bytes;
    }

    void requireSpace(long needed, long free) {
        if (needed > free) {
            throw new SlayerException(
                    507,
                    "insufficient_storage",
                    "target",
                    "the export to " + target + " needs " + needed + " bytes, but only " + free
                            + " are free there; make room or name another target",
                    null);
        }
    }

    private static void copyFiles(Checkpoint base, Path folder) throws IOException {
        for (String name : COPIED) {
            Optional<Path> file = base.file(name);
            if (file.isPresent()) {
                Files.copy(file.get(), folder.resolve(name));
                try (FileChannel channel = FileChannel.open(folder.resolve(name), StandardOpenOption.READ)) {
                    channel.force(true);
                }
            }
        }
    }

    private static void writeText(Path file, byte[] text) throws IOException {
        Files.write(file, text, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.SYNC);
    }
}
