package dev.slayer.server.accelerator;

/**
 * A part of a device's memory: an address that means something there only. Does not keep the memory alive.
 *
 * @param address of the first byte
 * @param bytes length
 */
public record DeviceSlice(long address, long bytes) {
    /** A part of this part. @throws IndexOutOfBoundsException if it is not inside */
    public DeviceSlice slice(long offset, long length) {
        if (offset < 0 || length < 0 || offset > bytes - length) {
            throw new IndexOutOfBoundsException("bytes " + offset + " to " + (offset + length) + " of " + bytes);
        }
        return new DeviceSlice(address + offset, length);
    }
}
