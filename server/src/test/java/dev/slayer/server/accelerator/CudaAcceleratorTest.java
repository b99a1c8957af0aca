package dev.slayer.server.accelerator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slayer.surgery.SlayerException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The calls of CUDA, over a stand-in that a C compiler makes of standin.c: proves the calls, not CUDA. */
@Timeout(60)
class CudaAcceleratorTest {
    private static final long TOTAL = 256L << 20;

    private static CudaStandIn standIn;
    private static CudaLibrary cuda;

    private final Arena arena = Arena.ofShared();
    private CudaAccelerator device;

    @BeforeAll
    static void load() {
        assumeTrue(CudaStandIn.get().isPresent(), "no C compiler (cc, gcc or clang) makes the stand-in for CUDA");
        standIn = CudaStandIn.get().orElseThrow();
        cuda = CudaLibrary.load(standIn.library());
    }

    @BeforeEach
    void open() {
        standIn.total(TOTAL);
        device = cuda.open(1);
    }

    @AfterEach
    void nothingIsLeft() {
        device.close();
        device.close();
        arena.close();
        assertThat(standIn.taken()).as("device memory").isZero();
        assertThat(standIn.pinned()).as("pinned memory").isZero();
        assertThat(standIn.streams()).as("streams").isZero();
        assertThat(standIn.lastError())
                .as("an error left for the next who asks")
                .isZero();
    }

    @Test
    void saysWhatTheDeviceIs() {
        assertThat(cuda.deviceCount()).isEqualTo(2);
        assertThat(cuda.driverVersion()).isEqualTo(13_010);
        assertThat(cuda.runtimeVersion()).isEqualTo(13_000);
        assertThat(device.device()).isEqualTo(new CudaDevice(1, "Stand-in B", 9, 0, 133));
        assertThat(device.name()).isEqualTo("cuda:1 (Stand-in B)");
        assertThat(device.device().computeCapability()).isEqualTo("9.0");
        assertThat(device.totalBytes()).isEqualTo(TOTAL);
        try (DeviceMemory memory = device.allocate(1 << 20)) {
            assertThat(device.freeBytes()).isEqualTo(TOTAL - memory.bytes());
        }
        assertThat(device.freeBytes()).isEqualTo(TOTAL);
    }

    @Test
    void sessionsRunInItsQueue() {
        Placement placement = device.placement();
        assertThat(placement.provider()).isEqualTo(Placement.Provider.CUDA);
        assertThat(placement.deviceId()).isEqualTo(1);
        assertThat(placement.stream()).isNotZero();
        assertThat(placement.options())
                .containsEntry("device_id", "1")
                .containsEntry("user_compute_stream", Long.toString(placement.stream()))
                .containsEntry("has_user_compute_stream", "1")
                .containsEntry("use_tf32", "0")
                .doesNotContainKey("enable_cuda_graph");
    }

    @Test
    void whatGoesThroughTheQueueComesBackChangedAsAsked() {
        try (DeviceMemory memory = device.allocate(3000);
                HostMemory there = device.allocateHost(1000);
                HostMemory back = device.allocateHost(3000)) {
            assertThat(there.segment().toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
            random(there.segment(), 1);
            device.upload(there.segment(), memory.all().slice(0, 1000));
            device.copy(memory.all().slice(0, 1000), memory.all().slice(1000, 1000));
            device.zero(memory.all().slice(0, 500));
            device.zero(memory.all().slice(2000, 1000));
            device.download(memory.all(), back.segment());
            assertThat(back.segment().toArray(ValueLayout.JAVA_BYTE))
                    .as("before the queue has been waited for")
                    .containsOnly(0);
            device.await();
            byte[] sent = there.segment().toArray(ValueLayout.JAVA_BYTE);
            byte[] got = back.segment().toArray(ValueLayout.JAVA_BYTE);
            for (int i = 0; i < 3000; i++) {
                assertThat(got[i]).as("byte %d", i).isEqualTo(i < 500 || i >= 2000 ? 0 : sent[i % 1000]);
            }
        }
    }

    @Test
    void fillsFromAFilesMapInPiecesFromAnyThread() {
        long bytes = (80L << 20) + 12_345; // more than one span, each of several pieces, and a rest
        MemorySegment file = arena.allocate(bytes, 64);
        random(file, 2);
        try (DeviceMemory memory = device.allocate(bytes);
                HostMemory back = device.allocateHost(bytes)) {
            CompletableFuture.runAsync(() -> device.fill(file, memory.all())).join();
            device.download(memory.all(), back.segment());
            device.await();
            assertThat(back.segment().mismatch(file)).isEqualTo(-1);
        }
    }

    @Test
    void eachThreadChoosesItsDevice() {
        try (CudaAccelerator other = cuda.open(0);
                DeviceMemory memory = device.allocate(64);
                DeviceMemory others = other.allocate(64)) {
            for (int i = 0; i < 3; i++) {
                device.zero(memory.all());
                other.zero(others.all());
                device.await();
                other.await();
            }
            CompletableFuture.runAsync(() -> {
                        device.zero(memory.all());
                        device.await();
                    })
                    .join();
        }
    }

    @Test
    void tooLittleMemoryIsA507ThatNamesBothNumbersAndLeavesNoError() {
        try (DeviceMemory most = device.allocate(TOTAL - 1000)) {
            assertThat(most.all().address() % 256).isZero();
            assertThatExceptionOfType(SlayerException.class)
                    .isThrownBy(() -> device.allocate(1001))
                    .satisfies(e -> assertThat(e.status()).isEqualTo(507))
                    .satisfies(e -> assertThat(e.code()).isEqualTo("device_memory_exhausted"))
                    .withMessageContaining("cuda:1 (Stand-in B)")
                    .withMessageContaining("1001 bytes")
                    .withMessageContaining("1000 of its " + TOTAL);
            assertThat(standIn.lastError()).isZero();
            assertThatExceptionOfType(SlayerException.class)
                    .isThrownBy(() -> device.allocateHost(1 << 20))
                    .satisfies(e -> assertThat(e.status()).isEqualTo(507));
            MemorySegment file = arena.allocate(64);
            assertThatExceptionOfType(SlayerException.class)
                    .as("no room for the pinned pieces")
                    .isThrownBy(() -> device.fill(file, most.all().slice(0, 64)))
                    .satisfies(e -> assertThat(e.status()).isEqualTo(507));
        }
        device.allocate(TOTAL).close();
    }

    @Test
    void otherFailuresSayWhatWasDoneAndCudasWords() {
        standIn.fail("cudaStreamSynchronize", 700);
        assertThatExceptionOfType(SlayerException.class)
                .isThrownBy(device::await)
                .satisfies(e -> assertThat(e.status()).isEqualTo(500))
                .satisfies(e -> assertThat(e.code()).isEqualTo("cuda_error"))
                .withMessage("CUDA: waiting for the device failed with cudaErrorIllegalAddress (700): an illegal memory"
                        + " access was encountered.");
        standIn.fail("cudaMalloc", 700);
        assertThatExceptionOfType(SlayerException.class)
                .isThrownBy(() -> device.allocate(10))
                .withMessageContaining("taking 10 bytes");
        assertThatExceptionOfType(SlayerException.class)
                .isThrownBy(() -> cuda.open(2))
                .withMessageContaining("cuda:2");
    }

    @Test
    void aFillThatFailsLeavesNothingUnderWay() {
        MemorySegment file = arena.allocate(20 << 20, 64);
        try (DeviceMemory memory = device.allocate(20 << 20)) {
            device.fill(file, memory.all());
            standIn.fail("cudaMemcpyAsync", 700);
            assertThatExceptionOfType(SlayerException.class).isThrownBy(() -> device.fill(file, memory.all()));
            device.fill(file, memory.all());
        }
    }

    @Test
    void memoryIsGivenBackOnceAndNotUsableAfterwards() {
        long before = DeviceMemory.liveBytes();
        DeviceMemory memory = device.allocate(1000);
        HostMemory host = device.allocateHost(1000);
        assertThat(DeviceMemory.liveBytes() - before).isEqualTo(1000);
        memory.close();
        memory.close();
        host.close();
        host.close();
        assertThat(DeviceMemory.liveBytes()).isEqualTo(before);
        assertThatIllegalStateException().isThrownBy(memory::all);
        assertThatIllegalStateException().isThrownBy(() -> host.segment().get(ValueLayout.JAVA_BYTE, 0));
    }

    @Test
    void wrongLengthsAndJavaArraysAreRefused() {
        try (DeviceMemory memory = device.allocate(100);
                HostMemory host = device.allocateHost(100)) {
            MemorySegment array = MemorySegment.ofArray(new byte[100]);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> device.upload(host.segment(), memory.all().slice(0, 99)));
            assertThatIllegalArgumentException().isThrownBy(() -> device.upload(array, memory.all()));
            assertThatIllegalArgumentException().isThrownBy(() -> device.fill(array, memory.all()));
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> device.copy(memory.all(), memory.all().slice(0, 50)));
            assertThatIllegalArgumentException().isThrownBy(() -> device.allocate(0));
        }
    }

    @Test
    void nothingIsTakenFilledOrGivenBackWhileSomethingIsAlone() throws Exception {
        MemorySegment file = arena.allocate(1 << 20, 64);
        DeviceMemory memory = device.allocate(1 << 20);
        HostMemory pinned = device.allocateHost(64);
        DeviceMemory freed = device.allocate(64);
        Thread[] others = {
            new Thread(() -> device.fill(file, memory.all())),
            new Thread(() -> device.allocate(100).close()),
            new Thread(() -> device.allocateHost(100).close()),
            new Thread(freed::close),
            new Thread(pinned::close),
        };
        CompletableFuture<Throwable> failure = new CompletableFuture<>();
        for (Thread other : others) {
            other.setUncaughtExceptionHandler((thread, thrown) -> failure.complete(thrown));
        }
        boolean done = device.alone(() -> {
            standIn.record(true);
            for (Thread other : others) {
                other.start();
            }
            for (Thread other : others) {
                while (other.getState() != Thread.State.WAITING) {
                    assertThat(other.isAlive())
                            .as("waits until the recording is over")
                            .isTrue();
                    Thread.onSpinWait();
                }
            }
            device.allocate(100).close(); // whoever is alone may
            standIn.record(false);
        });
        assertThat(done).isTrue();
        for (Thread other : others) {
            other.join(TimeUnit.SECONDS.toMillis(30));
        }
        assertThat(failure).isNotDone();
        memory.close();
    }

    @Test
    void whoWantsToBeAloneDoesNotWaitForWhoeverIsAtIt() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        Thread training = Thread.ofPlatform().start(() -> {
            Lock held = cuda.shared();
            held.lock();
            try {
                begun.countDown();
                end.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            } finally {
                held.unlock();
            }
        });
        begun.await();
        assertThat(device.alone(() -> {
                    throw new AssertionError("somebody is at it");
                }))
                .isFalse();
        device.among(() -> device.allocate(100).close()); // others go on
        end.countDown();
        training.join(TimeUnit.SECONDS.toMillis(30));
        assertThat(device.alone(() -> {})).isTrue();
        device.among(() -> assertThat(device.alone(() -> {})).isFalse());
    }

    @Test
    void whatIsNoCudaRuntimeIsNamed(@TempDir Path folder) throws Exception {
        Path file = Files.writeString(folder.resolve("libcudart.so.13"), "no library");
        assertThatExceptionOfType(SlayerException.class)
                .isThrownBy(() -> CudaLibrary.load(file))
                .satisfies(e -> assertThat(e.code()).isEqualTo("cuda_error"))
                .withMessageContaining(file.toString());
    }

    private static void random(MemorySegment memory, long seed) {
        byte[] bytes = new byte[Math.toIntExact(memory.byteSize())];
        new Random(seed).nextBytes(bytes);
        MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, 0, bytes.length);
    }
}
