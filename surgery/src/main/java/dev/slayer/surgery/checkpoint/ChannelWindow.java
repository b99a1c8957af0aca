package dev.slayer.surgery.checkpoint;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** The bytes of a file between two positions as a stream; leaves the channel's own position and life alone. */
final class ChannelWindow extends InputStream {
    private final FileChannel channel;
    private final long end;
    private long at;

    ChannelWindow(FileChannel channel, long from, long end) {
        this.channel = channel;
        this.at = from;
        this.end = end;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : Byte.toUnsignedInt(one[0]);
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        int count = (int) Math.min(length, end - at);
        int read = count <= 0 ? -1 : channel.read(ByteBuffer.wrap(target, offset, count), at);
        at += Math.max(read, 0);
        return read;
    }
}
