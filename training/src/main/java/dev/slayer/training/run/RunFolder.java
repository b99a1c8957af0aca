package dev.slayer.training.run;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;

/**
 * The folder of a run: {@code recipe.yaml}, {@code metrics.jsonl}, {@code checkpoints/step-00000100}, and at the end {@code delta}.
 * One process at a time; a checkpoint appears in one step, when it is on the device.
 */
final class RunFolder implements AutoCloseable {
    /** The delta of a finished run. */
    static final String DELTA = "delta";
    /** The record of a run. */
    static final String METRICS = "metrics.jsonl";

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String STATE = "state.json";
    private static final String VECTORS = "state.safetensors";
    private static final String PREFIX = "step-";

    private final Path folder;
    private final FileChannel lockFile;
    private final FileLock lock;

    private RunFolder(Path folder, FileChannel lockFile, FileLock lock) {
        this.folder = folder;
        this.lockFile = lockFile;
        this.lock = lock;
    }

    /**
     * Opens a folder, making it if it is not there.
     *
     * @throws SlayerException 409 if another process trains there; 400 if it cannot be used
     */
    static RunFolder open(Path folder) {
        FileChannel channel = null;
        try {
            Files.createDirectories(folder.resolve("checkpoints"));
            channel = FileChannel.open(folder.resolve(".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            FileLock lock = channel.tryLock();
            if (lock != null) {
                return new RunFolder(folder, channel, lock);
            }
        } catch (OverlappingFileLockException e) {
            // This process trains there already: said below.
        } catch (IOException e) {
            throw new SlayerException(400, "invalid_run_folder", "out", folder + " cannot hold a run: " + e, e);
        }
        closeQuietly(channel);
        throw new SlayerException(
                409,
                "run_in_progress",
                "out",
                folder + " is in use by another run; wait, or name another folder",
                null);
    }

    private static void closeQuietly(FileChannel channel) {
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException e) {
                throw SlayerException.internal("a lock file cannot be closed", e);
            }
        }
    }

    Path path() {
        return folder;
    }

    Path metrics() {
        return folder.resolve(METRICS);
    }

    /** Writes a small text in one step. */
    void write(String name, String text) throws IOException {
        Path part = folder.resolve("." + name + ".part");
        Files.writeString(
                part,
                text,
                StandardCharsets.UTF_8,
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.WRITE,
                StandardOpenOption.SYNC);
        Files.move(part, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Checkpoints that are there, the newest first. */
    private static List<Path> checkpoints(Path folder) throws IOException {
        List<Path> found = new ArrayList<>();
        if (!Files.isDirectory(folder.resolve("checkpoints"))) {
            return found;
        }
        try (Stream<Path> all = Files.list(folder.resolve("checkpoints"))) {
            all.filter(path -> path.getFileName().toString().matches(PREFIX + "\\d{8}"))
                    .forEach(found::add);
        }
        found.sort(Comparator.comparing((Path path) -> path.getFileName().toString())
                .reversed());
        return found;
    }

    /**
     * Saves a checkpoint, and removes those beyond {@code keep}.
     *
     * @throws SlayerException 507 or 500 if it cannot be written; those that were there stay
     */
    Path save(RunState state, Map<String, Tensor> vectors, int keep) {
        String name = PREFIX + "%08d".formatted(state.step());
        Path target = folder.resolve("checkpoints").resolve(name);
        Path part = folder.resolve("checkpoints").resolve("." + name + ".part");
        try {
            requireSpace(part.getParent(), vectors);
            delete(part);
            Files.createDirectory(part);
            Map<String, Long> checksums = StateFile.write(part.resolve(VECTORS), vectors);
            RunState whole = new RunState(
                    state.step(),
                    state.tokens(),
                    state.position(),
                    state.rankMask(),
                    state.recipe(),
                    state.baseHash(),
                    state.finished(),
                    checksums);
            Files.write(
                    part.resolve(STATE),
                    JSON.writeValueAsBytes(whole),
                    StandardOpenOption.CREATE_NEW,
                    StandardOpenOption.WRITE,
                    StandardOpenOption.SYNC);
            delete(target);
            move(part, target);
            for (Path old : checkpoints(folder).stream().skip(keep).toList()) {
                delete(old);
            }
            return target;
        } catch (IOException e) {
            deleteQuietly(part, e);
            throw SlayerException.internal("the checkpoint " + target + " could not be written: " + e, e);
        }
    }

    private static void requireSpace(Path folder, Map<String, Tensor> vectors) throws IOException {
        long needed = (1 << 20)
                + vectors.values().stream()
                        .mapToLong(vector -> vector.numel() * Float.BYTES)
                        .sum();
        long free = Files.getFileStore(folder).getUsableSpace();
        if (needed > free) {
            throw new SlayerException(
                    507,
                    "insufficient_storage",
                    "out",
                    "a checkpoint in " + folder + " needs " + needed + " bytes, but only " + free
                            + " are free there; make room, then go on from the last one",
                    null);
        }
    }

    private static void move(Path from, Path to) throws IOException {
        try {
            Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException e) {
            throw new IOException("the file system cannot rename a folder in one step", e);
        }
        try (FileChannel directory = FileChannel.open(to.getParent(), StandardOpenOption.READ)) {
            directory.force(true);
        }
    }

    /**
     * Goes on from a folder's newest checkpoint that is whole.
     *
     * @param vectors are written to
     * @param warnings told of checkpoints that are not
     * @return null if there is none at all
     * @throws SlayerException 400 if there are some, but none is whole
     */
    static RunState restore(Path folder, Map<String, Tensor> vectors, Consumer<String> warnings) throws IOException {
        SlayerException last = null;
        for (Path checkpoint : checkpoints(folder)) {
            try {
                JsonNode json = JSON.readTree(checkpoint.resolve(STATE).toFile());
                RunState state = JSON.treeToValue(json, RunState.class);
                StateFile.read(checkpoint.resolve(VECTORS), vectors, state.checksums());
                return state;
            } catch (SlayerException e) {
                last = e;
            } catch (JacksonException | IllegalArgumentException | java.io.FileNotFoundException e) {
                last = new SlayerException(
                        400,
                        "checkpoint_damaged",
                        "resume",
                        checkpoint.resolve(STATE) + " cannot be read: "
                                + e.getMessage().lines().findFirst().orElse(""),
                        e);
            }
            warnings.accept(last.getMessage());
        }
        if (last != null) {
            throw last;
        }
        return null;
    }

    private static void delete(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    private static void deleteQuietly(Path folder, IOException why) {
        try {
            delete(folder);
        } catch (IOException e) {
            why.addSuppressed(e);
        }
    }

    @Override
    public void close() {
        try {
            lock.release();
            lockFile.close();
        } catch (IOException e) {
            throw SlayerException.internal("the lock of " + folder + " cannot be given back", e);
        }
    }
}
