package dev.slayer.surgery.checkpoint;

import dev.slayer.surgery.SlayerException;
import java.nio.file.Path;

/** A checkpoint that cannot be used. The message names the file and, where there is one, the tensor. */
public final class CheckpointException extends SlayerException {
    private static final long serialVersionUID = 1L;
    private static final int LENGTH_LIMIT = 1_000;

    /**
     * @param file the file or directory at fault
     * @param problem what is wrong with it, beginning in lower case: {@code tensor 'x' ends at byte 9, beyond the file's 8}
     */
    public CheckpointException(Path file, String problem) {
        this(file, problem, null);
    }

    /** As above, with what was caught. */
    public CheckpointException(Path file, String problem, Throwable cause) {
        super(400, "invalid_checkpoint", null, oneLine(file + ": " + problem), cause);
    }

    /** Names in hostile files may hold anything; a message is one line of bounded length. */
    private static String oneLine(String text) {
        StringBuilder line = new StringBuilder();
        text.codePoints().limit(LENGTH_LIMIT).forEach(c -> {
            if (Character.isISOControl(c) || c == 0x2028 || c == 0x2029) {
                line.append(String.format("\\u%04x", c));
            } else {
                line.appendCodePoint(c);
            }
        });
        return line.length() < LENGTH_LIMIT ? line.toString() : line + "...";
    }
}
