package dev.slayer.training.torch;

import dev.slayer.surgery.checkpoint.DType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Tensors from memory of Java and back. All on the CPU; a {@link Placement} brings them elsewhere. */
public final class Tensors {
    private Tensors() {}

    /** An address as JavaCPP wants it; owns nothing. */
    private static final class Address extends Pointer {
        Address(long address) {
            super((Pointer) null);
            this.address = address;
        }
    }

    /**
     * A tensor over memory that stays where it is, without a copy: for mapped checkpoints and arenas. The memory must outlive the
     * tensor and everything that shares its storage, and must not be written to if it is mapped read-only.
     */
    public static Tensor view(dev.slayer.surgery.checkpoint.Tensor source) {
        return view(source.data(), source.dtype(), source.shape());
    }

    /** The same over a segment of that many elements. */
    public static Tensor view(MemorySegment data, DType dtype, List<Long> shape) {
        return torch.from_blob(new Address(data.address()), lengths(shape), options(type(dtype)));
    }

    /** A copy of whole numbers. */
    public static Tensor of(long[] values, long... shape) {
        try (LongPointer pointer = new LongPointer(values);
                Tensor view = torch.from_blob(pointer, shape, options(ScalarType.Long))) {
            return view.clone();
        }
    }

    /** A copy of float32 numbers. */
    public static Tensor of(float[] values, long... shape) {
        try (FloatPointer pointer = new FloatPointer(values);
                Tensor view = torch.from_blob(pointer, shape, options(ScalarType.Float))) {
            return view.clone();
        }
    }

    /** A copy of float64 numbers: [values]. */
    public static Tensor of(double[] values) {
        try (DoublePointer pointer = new DoublePointer(values);
                Tensor view = torch.from_blob(pointer, new long[] {values.length}, options(ScalarType.Double))) {
            return view.clone();
        }
    }

    /** The numbers of a tensor in row-major order, as float32. */
    public static float[] floats(Tensor tensor) {
        try (Tensor plain = tensor.detach();
                Tensor converted = plain.to(ScalarType.Float);
                Tensor local = converted.cpu();
                Tensor dense = local.contiguous()) {
            float[] values = new float[Math.toIntExact(dense.numel())];
            MemorySegment.copy(memory(dense), ValueLayout.JAVA_FLOAT, 0, values, 0, values.length);
            return values;
        }
    }

    /** What is done with some of a vector's memory. */
    @FunctionalInterface
    public interface Piece {
        /** Takes some numbers, in the host's memory. */
        void take(MemorySegment memory) throws IOException;
    }

    /**
     * Shows a vector's numbers some at a time, wherever they lie.
     *
     * @param most numbers at a time
     * @param write whether what is written to the memory becomes the vector's
     */
    public static void each(Tensor vector, long most, boolean write, Piece use) throws IOException {
        for (long from = 0; from < vector.numel(); from += most) {
            try (PointerScope _ = new PointerScope();
                    NoGradGuard _ = new NoGradGuard()) {
                Tensor part = vector.narrow(0, from, Math.min(most, vector.numel() - from));
                Tensor local = part.cpu(); // the part itself if it lies there
                use.take(memory(local));
                if (write && !part.is_cpu()) {
                    var _ = part.copy_(local);
                }
            }
        }
    }

    /** The memory of a contiguous tensor on the CPU, valid while the tensor is. */
    public static MemorySegment memory(Tensor tensor) {
        long bytes = tensor.numel() * tensor.element_size();
        return MemorySegment.ofAddress(tensor.data_ptr().address()).reinterpret(bytes);
    }

    private static TensorOptions options(ScalarType type) {
        return new TensorOptions(type);
    }

    /** libtorch's name of an element type. */
    public static ScalarType type(DType dtype) {
        return switch (dtype) {
            case F32 -> ScalarType.Float;
            case BF16 -> ScalarType.BFloat16;
            case F16 -> ScalarType.Half;
        };
    }

    private static long[] lengths(List<Long> shape) {
        return shape.stream().mapToLong(Long::longValue).toArray();
    }
}
