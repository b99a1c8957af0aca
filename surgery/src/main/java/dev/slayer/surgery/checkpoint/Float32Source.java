package dev.slayer.surgery.checkpoint;

import java.lang.foreign.MemorySegment;
import java.util.List;

/** Numbers of a fixed shape that can be read as float32, in any parts and by any threads at once. */
public interface Float32Source {
    /** Dimensions, row-major. */
    List<Long> shape();

    /** An element type that holds every one of the numbers exactly; the narrowest, where that is known. */
    default DType dtype() {
        return DType.F32;
    }

    /** Number of elements: the product of the dimensions. */
    long elements();

    /**
     * Reads elements.
     *
     * @param from index of the first element
     * @param target where to write; its length decides how many elements are read; 4-byte aligned native or heap segment
     * @throws dev.slayer.surgery.SlayerException if a file became shorter since it was mapped
     */
    void toFloat32(long from, MemorySegment target);
}
