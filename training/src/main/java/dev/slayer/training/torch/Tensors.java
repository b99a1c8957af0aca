package dev.slayer.training.torch;

import dev.slayer.surgery.checkpoint.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Tensors from memory of Java and back. All on the CPU; whoever wants them elsewhere moves them. */
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

    /** The memory of a contiguous tensor on the CPU, valid while the tensor is. */
    public static MemorySegment memory(Tensor tensor) {
        long bytes = tensor.numel() * tensor.element_size();
        return MemorySegment.ofAddress(tensor.data_ptr().address()).reinterpret(bytes);
    }

    /** Options of a plain tensor of an element type on the CPU. */
    public static TensorOptions options(ScalarType type) {
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
