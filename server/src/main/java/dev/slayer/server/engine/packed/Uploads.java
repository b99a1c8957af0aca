package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.Accelerator;
import dev.slayer.server.accelerator.DeviceMemory;
import dev.slayer.server.accelerator.DeviceSlice;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What lies on the device, by where it came from: whoever wants the same tensors of a file gets the same memory, be it for a layer, for
 * a silent copy of one or for a head tied to its embedding. Thread-safe.
 */
final class Uploads {
    private final Accelerator accelerator;
    private final Map<Object, Upload> shared = new HashMap<>();

    Uploads(Accelerator accelerator) {
        this.accelerator = accelerator;
    }

    /** Memory on the device and how many use it; guarded by the map. */
    private static final class Upload {
        final DeviceMemory memory;
        int users = 1;

        Upload(DeviceMemory memory) {
            this.memory = memory;
        }
    }

    /** Hold of some memory. */
    record Hold(DeviceSlice data, Runnable letGo) implements AutoCloseable {
        @Override
        public void close() {
            letGo.run();
        }
    }

    /**
     * The memory of a source, filled if it is not there yet. Two who ask at the same time may both fill; one of them lets go again.
     *
     * @param key equal for equal contents
     * @param fill fills memory of just that size
     */
    Hold shared(Object key, long bytes, Consumer<DeviceSlice> fill) {
        Optional<Hold> known = known(key);
        if (known.isPresent()) {
            return known.get();
        }
        DeviceMemory memory = filled(bytes, fill);
        synchronized (this) {
            Optional<Hold> meanwhile = known(key);
            if (meanwhile.isPresent()) {
                memory.close();
                return meanwhile.get();
            }
            shared.put(key, new Upload(memory));
            return hold(key, memory);
        }
    }

    /** The memory of a source if it is there. */
    synchronized Optional<Hold> known(Object key) {
        Upload upload = shared.get(key);
        if (upload == null) {
            return Optional.empty();
        }
        upload.users++;
        return Optional.of(hold(key, upload.memory));
    }

    /** Memory that nobody shares. */
    Hold alone(long bytes, Consumer<DeviceSlice> fill) {
        DeviceMemory memory = filled(bytes, fill);
        return new Hold(memory.all(), memory::close);
    }

    private DeviceMemory filled(long bytes, Consumer<DeviceSlice> fill) {
        DeviceMemory memory = accelerator.allocate(bytes);
        try {
            fill.accept(memory.all());
            return memory;
        } catch (RuntimeException | Error e) {
            memory.close();
            throw e;
        }
    }

    private Hold hold(Object key, DeviceMemory memory) {
        return new Hold(memory.all(), () -> letGo(key));
    }

    private synchronized void letGo(Object key) {
        Upload upload = shared.get(key);
        upload.users--;
        if (upload.users == 0) {
            shared.remove(key);
            upload.memory.close();
        }
    }
}
