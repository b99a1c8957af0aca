package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.Accelerator;
import dev.slayer.server.accelerator.DeviceMemory;
import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.server.accelerator.HostMemory;
import dev.slayer.server.onnx.Binding;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Records runs of pure decoding as CUDA graphs and replays them. A recording has all addresses fixed, so numbers of rows and of pages
 * are rounded up to powers of two, and tables go to one place for each form. The engine's thread only.
 */
final class Replays implements AutoCloseable {
    /** Sequences of the largest recording. */
    static final int MOST_SEQUENCES = 256;

    private static final long METADATA_BYTES = 64;

    private final Accelerator accelerator;
    private final PackedOptions options;
    private final Map<Form, Fixed> fixed = new HashMap<>();

    /** Size of tables. */
    private record Form(int sequences, int width) {}

    /** Tables and bounds of all recordings of a form. */
    private record Fixed(DeviceMemory tables, HostMemory metadata) {}

    /**
     * What is fixed in a recording of a block.
     *
     * @param in address of the rows that it reads
     * @param out address of the rows that it writes
     * @param tables address of its tables, which stands for their form and for the model's KV
     */
    record Key(long in, long out, long tables) {}

    /** Binds what a run reads and writes, except weights. */
    @FunctionalInterface
    interface Binder {
        void bind(
                Binding binding,
                TurnData data,
                DeviceSlice tables,
                MemorySegment metadata,
                DeviceSlice in,
                DeviceSlice out);
    }

    Replays(Accelerator accelerator, PackedOptions options) {
        this.accelerator = accelerator;
        this.options = options;
    }

    /** Rounds up to a power of two. */
    static int bucket(int count) {
        return count <= 1 ? 1 : Integer.highestOneBit(count - 1) << 1;
    }

    /**
     * Queues a run as a replay, if it has been seen often enough; records it first if need be and nobody is in the way.
     *
     * @return false if it must be run as any other
     */
    boolean run(PackedBlock block, TurnData data, DeviceSlice in, DeviceSlice out, Binder binder) {
        SequenceTables wanted = data.tables();
        Fixed places = fixed.computeIfAbsent(new Form(wanted.sequences(), wanted.width()), this::places);
        DeviceSlice tables = places.tables().all();
        Recording recording = block.recording(new Key(in.address(), out.address(), tables.address()));
        recording.seen++;
        if (recording.seen <= options.recordAfter()) {
            return false;
        }
        MemorySegment metadata =
                places.metadata().segment().asSlice(0, data.metadata().byteSize());
        if (recording.made()) {
            send(data, tables, metadata);
            recording.replay();
            return true;
        }
        // While a job trains or weights are uploaded, steps run unrecorded, and a later one tries again.
        return block.sessions.mayRecord()
                && accelerator.alone(() -> {
                    send(data, tables, metadata);
                    record(block, recording, binding -> binder.bind(binding, data, tables, metadata, in, out));
                });
    }

    private void send(TurnData data, DeviceSlice tables, MemorySegment metadata) {
        accelerator.upload(data.tables().data().host(), tables);
        metadata.copyFrom(data.metadata());
    }

    private static void record(PackedBlock block, Recording recording, Consumer<Binding> bind) {
        int number = block.sessions.nextRecording();
        Binding binding = block.toRecord();
        try {
            bind.accept(binding);
            binding.queue(number);
        } catch (RuntimeException | Error e) {
            binding.close();
            throw e;
        }
        recording.made(binding, number);
    }

    private Fixed places(Form form) {
        DeviceMemory tables = accelerator.allocate(SequenceTables.bytes(form.sequences(), form.width()));
        try {
            return new Fixed(tables, accelerator.allocateHost(METADATA_BYTES));
        } catch (RuntimeException | Error e) {
            tables.close();
            throw e;
        }
    }

    @Override
    public void close() {
        for (Fixed places : fixed.values()) {
            places.tables().close();
            places.metadata().close();
        }
        fixed.clear();
    }
}
