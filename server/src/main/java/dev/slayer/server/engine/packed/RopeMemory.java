package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.Accelerator;
import dev.slayer.server.accelerator.DeviceMemory;
import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.RopeTable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Cos and sin of every position and frequency on a device: [context length, headDim / 2] each. */
final class RopeMemory implements AutoCloseable {
    private final int rows;
    private final DeviceMemory cos;
    private final DeviceMemory sin;

    /** @throws dev.slayer.surgery.SlayerException 507 without memory */
    RopeMemory(ModelConfig config, ElementType type, Accelerator accelerator) {
        this.rows = config.contextLength();
        RopeTable table = RopeTable.of(config, rows);
        this.cos = upload(table.cos(), type, accelerator);
        try {
            this.sin = upload(table.sin(), type, accelerator);
        } catch (RuntimeException | Error e) {
            cos.close();
            throw e;
        }
    }

    private static DeviceMemory upload(float[] values, ElementType type, Accelerator accelerator) {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment wide = arena.allocateFrom(ValueLayout.JAVA_FLOAT, values);
            MemorySegment narrow = Narrow.floats(wide, type, arena);
            DeviceMemory memory = accelerator.allocate(narrow.byteSize());
            accelerator.fill(narrow, memory.all());
            return memory;
        }
    }

    int rows() {
        return rows;
    }

    DeviceSlice cos() {
        return cos.all();
    }

    DeviceSlice sin() {
        return sin.all();
    }

    @Override
    public void close() {
        cos.close();
        sin.close();
    }
}
