package dev.slayer.surgery.checkpoint;

import dev.slayer.surgery.SlayerException;
import java.nio.file.Path;

/** A checkpoint that cannot be used. The message names the file and, where there is one, the tensor. */
public final class CheckpointException extends SlayerException {
    private static final long serialVersionUID = 1L;

    /**
     * @param file the file or directory at fault
     * @param problem what is wrong with it, beginning in lower case: {@code tensor 'x' ends at byte 9, beyond the file's 8}
     */
    public CheckpointException(Path file, String problem) {
        this(file, problem, null);
    }

    /** As above, with what was caught. */
    public CheckpointException(Path file, String problem, Throwable cause) {
        super(400, "invalid_checkpoint", null, file + ": " + problem, cause);
    }
}
