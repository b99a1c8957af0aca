package dev.slayer.training.torch;

import dev.slayer.surgery.SlayerException;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.DeviceOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Where the tensors of a model lie, and in which element type its products and activations are. Whatever is computed with is made or
 * brought here by it, so that nothing stays behind on the CPU. What is trained, its gradients, and the optimizer's memory are float32
 * everywhere.
 *
 * @param device as libtorch writes it: {@code cpu}, {@code cuda:0}
 * @param computation {@code Float} or {@code BFloat16}
 */
public record Placement(String device, ScalarType computation) {
    /** Float32 on the CPU. */
    public static final Placement CPU = new Placement("cpu", ScalarType.Float);

    private static final Pattern CUDA = Pattern.compile("cuda(?::(\\d{1,2}))?");

    /**
     * The placement of a process, checked against what this libtorch has.
     *
     * @param device {@code cpu}, {@code cuda} or {@code cuda:N}
     * @param precision {@code float32} or {@code bfloat16}
     * @param rank of this process in its run, from 0: with {@code cuda} each takes the device of its rank
     * @param size processes of the run
     * @throws SlayerException 400 if the device is not there, saying what is missing
     */
    public static Placement of(String device, String precision, int rank, int size) {
        ScalarType computation = precision.equals("bfloat16") ? ScalarType.BFloat16 : ScalarType.Float;
        Matcher cuda = CUDA.matcher(device);
        if (!cuda.matches()) {
            return new Placement("cpu", computation);
        }
        if (cuda.group(1) != null && size > 1) {
            throw SlayerException.badRequest(
                    "device",
                    "device=" + device + " names one device for " + size
                            + " processes; write cuda, and each takes its own");
        }
        int index = cuda.group(1) == null ? rank : Integer.parseInt(cuda.group(1));
        requireCuda(device, index);
        return new Placement("cuda:" + index, computation);
    }

    private static void requireCuda(String device, int index) {
        Optional<String> missing = CudaDevices.missing(index);
        if (missing.isPresent()) {
            throw SlayerException.badRequest(
                    "device", "device=" + device + " cannot be used: " + missing.get() + "; or train with device=cpu");
        }
    }

    /**
     * What keeps a CUDA device from being used by a process alone; empty if nothing does.
     *
     * @param device {@code cuda} or {@code cuda:N}
     * @throws SlayerException 500 if libtorch is there and cannot be loaded
     */
    public static Optional<String> missing(String device) {
        Matcher cuda = CUDA.matcher(device);
        if (!cuda.matches()) {
            throw new IllegalArgumentException(device + " is no CUDA device");
        }
        return CudaDevices.missing(cuda.group(1) == null ? 0 : Integer.parseInt(cuda.group(1)));
    }

    /** Whether it is a CUDA device. */
    public boolean cuda() {
        return device.startsWith("cuda");
    }

    /** Number of the CUDA device. */
    int index() {
        return Integer.parseInt(device.substring(device.indexOf(':') + 1));
    }

    /** Whether products are in fewer bits than what is trained. */
    public boolean narrow() {
        return computation != ScalarType.Float;
    }

    /** Float32 zeros. */
    public Tensor zeros(long... shape) {
        try (TensorOptions options = options(ScalarType.Float)) {
            return torch.zeros(shape, options);
        }
    }

    /** Float32 ones. */
    public Tensor ones(long... shape) {
        try (TensorOptions options = options(ScalarType.Float)) {
            return torch.ones(shape, options);
        }
    }

    /** The float32 identity: [size, size]. */
    public Tensor identity(long size) {
        try (TensorOptions options = options(ScalarType.Float)) {
            return torch.eye(size, options);
        }
    }

    /** A copy of whole numbers. */
    public Tensor of(long[] values, long... shape) {
        return there(Tensors.of(values, shape));
    }

    /** A copy of float32 numbers. */
    public Tensor of(float[] values, long... shape) {
        return there(Tensors.of(values, shape));
    }

    /** A copy of float64 numbers: [values]. */
    public Tensor of(double[] values) {
        return there(Tensors.of(values));
    }

    /** A tensor of the CPU, here; the same memory if here is the CPU. Closes the one given. */
    private Tensor there(Tensor local) {
        if (device.equals("cpu")) {
            return local;
        }
        try (local) {
            return place(local, local.scalar_type());
        }
    }

    /** A tensor here and in an element type; shares the memory of the one given if nothing has to be done. */
    public Tensor place(Tensor tensor, ScalarType type) {
        try (Device target = new Device(device)) {
            return tensor.to(target, type);
        }
    }

    /** A tensor of this place in the type of the computation; autograd sees it. */
    public Tensor computing(Tensor stored) {
        return stored.scalar_type().intern() == computation ? stored : stored.to(computation);
    }

    /** A tensor of this place in float32, for losses; autograd sees it. */
    public Tensor full(Tensor computed) {
        return computed.scalar_type().intern() == ScalarType.Float ? computed : computed.to(ScalarType.Float);
    }

    private TensorOptions options(ScalarType type) {
        try (Device target = new Device(device);
                DeviceOptional optional = new DeviceOptional(target);
                TensorOptions plain = new TensorOptions(type)) {
            return plain.device(optional);
        }
    }

    /** Waits until all that was begun here is done; on the CPU everything is. */
    public void synchronize() {
        if (cuda()) {
            torch.cuda_synchronize(index());
        }
    }

    /** Forgets how much memory tensors have had here so far. */
    public void forgetPeak() {
        if (cuda()) {
            DeviceMemory.forgetPeak(index());
        }
    }

    /**
     * Most bytes that tensors had at once since {@link #forgetPeak}, what libtorch's allocator kept besides not counted; empty on the CPU, where
     * the system tells.
     */
    public OptionalLong peakBytes() {
        return cuda() ? OptionalLong.of(DeviceMemory.peakBytes(index())) : OptionalLong.empty();
    }

    /** All bytes of a CUDA device's memory. */
    public long totalBytes() {
        return DeviceMemory.totalBytes(index());
    }

    /** Bytes of a CUDA device's memory that nobody has taken. */
    public long freeBytes() {
        return DeviceMemory.freeBytes(index());
    }

    /** Holds libtorch to so many bytes of a CUDA device's memory, in this whole process; a tensor beyond them is an exception. */
    public void limit(long bytes) {
        DeviceMemory.limit(index(), bytes);
    }

    /** Gives back the memory of a CUDA device that libtorch keeps for later tensors; on the CPU it keeps none. */
    public void giveBack() {
        if (cuda()) {
            DeviceMemory.giveBack();
        }
    }

    /** Floating-point operations a second of this device's matrix product in the type of the computation: the best of a few large ones. */
    public double matrixRate() {
        long size = cuda() ? 8192 : 1024;
        double best = 0;
        try (PointerScope _ = new PointerScope();
                NoGradGuard _ = new NoGradGuard()) {
            Tensor a = drawn(size);
            Tensor b = drawn(size);
            for (int i = 0; i < 6; i++) {
                synchronize();
                long begun = System.nanoTime();
                try (Tensor _ = a.matmul(b)) {
                    synchronize();
                    double seconds = (System.nanoTime() - begun) / 1e9;
                    best = Math.max(best, 2.0 * size * size * size / seconds);
                }
            }
        }
        return best;
    }

    private Tensor drawn(long size) {
        try (TensorOptions options = options(computation)) {
            return torch.zeros(new long[] {size, size}, options).uniform_();
        }
    }
}
