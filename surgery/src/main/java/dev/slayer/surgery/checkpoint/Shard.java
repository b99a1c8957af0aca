package dev.slayer.surgery.checkpoint;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Objects;

/**
 * One mapped safetensors file.
 *
 * @param file the name for messages
 * @param content where the content lies
 * @param state what the file looked like when it was mapped
 * @param bytes the whole file, read-only
 */
record Shard(Path file, Path content, State state, SafetensorsHeader header, MemorySegment bytes) {
    /** What changes when somebody writes to a file or puts another in its place. */
    record State(long size, FileTime modified, Object key) {
        static State of(Path content) throws IOException {
            BasicFileAttributes now =
                    Files.readAttributes(content, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            return new State(now.size(), now.lastModifiedTime(), now.fileKey());
        }
    }

    /** Checks a file's header and maps the file for the life of the arena. */
    static Shard open(Path file, Path content, Arena arena) {
        try (FileChannel channel = FileChannel.open(content, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
            State state = State.of(content);
            long size = channel.size();
            SafetensorsHeader header = SafetensorsHeader.read(file, channel, size);
            MemorySegment bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
            Shard shard = new Shard(file, content, state, header, bytes);
            shard.verifyUnchanged();
            return shard;
        } catch (IOException e) {
            throw new CheckpointException(file, "cannot be read", e);
        }
    }

    /** The data of a tensor. */
    MemorySegment data(SafetensorsHeader.Entry entry) {
        return bytes.asSlice(header.dataStart() + entry.begin(), entry.end() - entry.begin());
    }

    void verifyUnchanged() {
        State now;
        try {
            now = State.of(content);
        } catch (IOException e) {
            throw new CheckpointException(file, "has gone or cannot be read since it was opened", e);
        }
        if (now.size() != state.size()) {
            throw new CheckpointException(
                    file,
                    "had " + state.size() + " bytes when it was opened and has " + now.size()
                            + " now; load the checkpoint again");
        }
        if (!Objects.equals(now, state)) {
            throw new CheckpointException(file, "was changed since it was opened; load the checkpoint again");
        }
    }
}
