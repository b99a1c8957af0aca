package dev.slayer.server.engine.packed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.server.accelerator.HostAccelerator;
import dev.slayer.server.accelerator.runtime.LibraryVersion;
import dev.slayer.server.accelerator.runtime.OperatorSupport;
import dev.slayer.server.engine.KvMemory;
import dev.slayer.server.engine.block.DerivedBlocks;
import dev.slayer.server.engine.block.WeightType;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.Graph;
import dev.slayer.server.onnx.OnnxRuntime;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;

class PackedDeviceTest {
    private static final long MOST = 1 << 20;
    private static final PageShape NUMBERS = new PageShape(1, 256);

    @Test
    void libraryThatCountsKvWithThirtyTwoBitsReachesEightGibibytes() {
        OperatorSupport old = OperatorSupport.of(new LibraryVersion(1, 28, 0));
        OperatorSupport recent = OperatorSupport.of(new LibraryVersion(1, 29, 0));
        assertThat(PackedDevice.mostKvBytes(old, WeightType.BF16, KvPrecision.AUTO))
                .isEqualTo((8L << 30) - 4);
        assertThat(PackedDevice.mostKvBytes(recent, WeightType.BF16, KvPrecision.INT8))
                .isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void kvIsZeroAtFirst() {
        HostAccelerator accelerator = new HostAccelerator(1L << 28);
        try (PackedDevice device = new PackedDevice(
                        OnnxRuntime.open(1), accelerator, PackedRig.options(0), DerivedBlocks.DEFAULTS);
                KvMemory kv = device.kvMemory(1 << 20);
                Arena arena = Arena.ofConfined()) {
            MemorySegment half = arena.allocate(1 << 19);
            PagePool pool = (PagePool) kv;
            for (DeviceSlice all : List.of(pool.keys(NUMBERS), pool.values(NUMBERS))) {
                half.fill((byte) 1);
                accelerator.download(all, half);
                assertThat(half.mismatch(arena.allocate(1 << 19))).isEqualTo(-1);
            }
        }
    }

    @Test
    void moreKvThanTheLibraryReachesIsNeverTaken() {
        PackedOptions options =
                new PackedOptions(ElementType.FLOAT, ElementType.FLOAT, Graph.MICROSOFT, 16, 3, 8, 256, 8, MOST, 0);
        try (PackedDevice device =
                new PackedDevice(OnnxRuntime.open(1), new HostAccelerator(1L << 28), options, DerivedBlocks.DEFAULTS)) {
            try (KvMemory kv = device.kvMemory(2 * MOST * Float.BYTES)) {
                assertThat(kv.limitBytes()).isEqualTo(2 * MOST * Float.BYTES);
            }
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> device.kvMemory(2 * MOST * Float.BYTES + 256))
                    .withMessageContaining("allowed: " + MOST);
        }
    }
}
