package dev.slayer.server.engine.block;

/** What a device can do at best, with nothing of the engine around it. One thread at a time. */
public interface Probe extends AutoCloseable {
    /**
     * Copies within the device's memory, one after the other.
     *
     * @param bytes of a copy; twice as much memory is taken meanwhile
     * @param times how many, at least 1
     * @return seconds of one, the mean
     * @throws dev.slayer.surgery.SlayerException 507 if there is not so much memory
     */
    double copySeconds(long bytes, int times);

    /**
     * Multiplies a matrix [m, k] by the transpose of another [n, k], both of small random numbers in the type of activations.
     *
     * @param times how often, at least 1
     * @return seconds of one product, the mean
     * @throws dev.slayer.surgery.SlayerException 507 if there is not so much memory
     */
    double productSeconds(int m, int n, int k, int times);

    @Override
    void close();
}
