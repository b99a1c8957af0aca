package dev.slayer.surgery.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.TreeSet;

/**
 * Tells checkpoints apart without reading all of their weights.
 *
 * <p>A SHA-256 over config.json as it is and, in the order of their names, over every tensor that the model uses: name, element type,
 * shape and 64 bytes of its data, from the middle on. So another shape, another element type or another training gives another hash;
 * how tensors are spread over files does not matter. A change that leaves all those places as they are is not noticed.
 */
public final class CheckpointHash {
    private static final String PREFIX = "sha256:";
    private static final int SAMPLE_BYTES = 64;

    private CheckpointHash() {}

    /**
     * The hash, as {@code sha256:} and 64 hexadecimal digits. Reads one page of each tensor.
     *
     * @throws CheckpointException if config.json or a tensor cannot be read
     */
    public static String of(Checkpoint checkpoint) {
        MessageDigest digest = sha256();
        Path config = checkpoint
                .file("config.json")
                .orElseThrow(() -> new CheckpointException(checkpoint.directory(), "has lost its config.json"));
        try {
            digest.update(Files.readAllBytes(config));
        } catch (IOException e) {
            throw new CheckpointException(config, "cannot be read", e);
        }
        TreeSet<String> names = new TreeSet<>(checkpoint.names());
        checkpoint.extras().forEach(names::remove);
        for (String name : names) {
            add(digest, checkpoint.tensor(name), checkpoint.directory());
        }
        return PREFIX + HexFormat.of().formatHex(digest.digest());
    }

    private static void add(MessageDigest digest, Tensor tensor, Path directory) {
        String head = tensor.name() + "\n" + tensor.dtype() + tensor.shape() + "\n";
        digest.update(head.getBytes(StandardCharsets.UTF_8));
        long bytes = tensor.data().byteSize();
        long from = bytes / 2;
        byte[] sample = new byte[(int) Math.min(SAMPLE_BYTES, bytes - from)];
        try {
            ByteBuffer data = tensor.data().asSlice(from, sample.length).asByteBuffer();
            data.get(sample);
        } catch (InternalError e) {
            throw new CheckpointException(directory, "became shorter while it was read", e);
        }
        digest.update(sample);
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
