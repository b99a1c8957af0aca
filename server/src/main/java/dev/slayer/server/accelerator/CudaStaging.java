package dev.slayer.server.accelerator;

import java.lang.foreign.MemorySegment;

/**
 * The way in for weights: memory of files cannot be copied from directly, so it goes through two pieces of pinned memory, one being
 * written by the processor while the device reads the other. Each has a stream, so that nothing waits for the engine's queue. Made on
 * first use. Thread-safe: one fill at a time, as the bus takes one at full speed.
 */
final class CudaStaging implements AutoCloseable {
    /** Most bytes of one {@link #fill}, some milliseconds: between two of them somebody may record. */
    static final long SPAN_BYTES = 64L << 20;

    private static final int PIECES = 2;
    private static final long PIECE_BYTES = 8L << 20;

    private final CudaAccelerator device;
    private final CudaLibrary cuda;
    private final Piece[] pieces = new Piece[PIECES];

    /** Pinned memory and the stream that empties it. */
    private record Piece(HostMemory memory, MemorySegment stream) {}

    CudaStaging(CudaAccelerator device, CudaLibrary cuda) {
        this.device = device;
        this.cuda = cuda;
    }

    /** Copies; returns when all has arrived. The thread has chosen the device. */
    synchronized void fill(MemorySegment from, DeviceSlice to) {
        int used = 0;
        try {
            for (long done = 0; done < from.byteSize(); done += PIECE_BYTES) {
                long length = Math.min(PIECE_BYTES, from.byteSize() - done);
                Piece piece = piece(used % PIECES);
                if (used >= PIECES) {
                    cuda.await(piece.stream());
                }
                used++;
                MemorySegment.copy(from, done, piece.memory().segment(), 0, length);
                cuda.copy(
                        CudaAccelerator.address(to.slice(done, length)),
                        piece.memory().segment(),
                        length,
                        CudaLibrary.HOST_TO_DEVICE,
                        piece.stream());
            }
        } finally {
            for (int i = 0; i < Math.min(used, PIECES); i++) {
                cuda.await(pieces[i].stream());
            }
        }
    }

    private Piece piece(int index) {
        if (pieces[index] == null) {
            HostMemory memory = device.allocateHost(PIECE_BYTES);
            try {
                pieces[index] = new Piece(memory, cuda.stream());
            } finally {
                if (pieces[index] == null) {
                    memory.close();
                }
            }
        }
        return pieces[index];
    }

    @Override
    public synchronized void close() {
        device.use();
        for (int i = 0; i < PIECES; i++) {
            if (pieces[i] != null) {
                cuda.destroy(pieces[i].stream());
                pieces[i].memory().close();
                pieces[i] = null;
            }
        }
    }
}
