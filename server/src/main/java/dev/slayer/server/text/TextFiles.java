package dev.slayer.server.text;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.slayer.surgery.checkpoint.CheckpointException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads the small files of a checkpoint, never more than a limit. */
final class TextFiles {
    private TextFiles() {}

    /** The bytes of a file of at most {@code limit} bytes. */
    static byte[] read(Path file, int limit) {
        if (!Files.isRegularFile(file)) {
            throw new CheckpointException(file, "is missing or is no regular file");
        }
        try (InputStream in = Files.newInputStream(file)) {
            byte[] content = in.readNBytes(limit + 1);
            if (content.length > limit) {
                throw new CheckpointException(file, "is larger than the " + limit + " bytes that are allowed");
            }
            return content;
        } catch (IOException e) {
            throw new CheckpointException(file, "cannot be read: " + problem(e), e);
        }
    }

    /** The same as text; anything but UTF-8 is refused. */
    static String readText(Path file, int limit) {
        byte[] content = read(file, limit);
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(content))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new CheckpointException(file, "is not UTF-8 text", e);
        }
    }

    /** What an exception says, without the excerpt of the file that Jackson adds. */
    static String problem(IOException e) {
        if (e instanceof JsonProcessingException json) {
            var at = json.getLocation();
            String where = at == null ? "" : " (line " + at.getLineNr() + ", column " + at.getColumnNr() + ")";
            return json.getOriginalMessage().replaceFirst(" \\(start marker at .*", "") + where;
        }
        return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    }
}
