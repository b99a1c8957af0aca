package dev.slayer.server.api;

import java.nio.file.Path;

/** Where those who make deltas hand them to the server. Thread-safe; both methods may wait for the disk. */
public interface DeltaRegistry {
    /**
     * Serves a delta from now on, as a variant of its base by the name of its folder. A folder below {@code --deltas} is served again
     * after a restart.
     *
     * @return the variant's name, for the {@code model} field of requests
     * @throws dev.slayer.surgery.SlayerException 400 if the delta cannot be read or served, 409 if its base is not loaded or the name
     *     is taken
     */
    String register(Path folder);

    /**
     * Serves it no longer; requests that use it go on. Does not wait for them. Its folder stays.
     *
     * @throws dev.slayer.surgery.SlayerException 404 if there is none of that name, 409 if variants or other deltas take of it
     */
    void unregister(String name);
}
