package dev.slayer.server.store;

import dev.slayer.surgery.SlayerException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Keeps named variants. Thread-safe; every method may wait for the disk, so none is for an event loop. */
public interface VariantStore extends AutoCloseable {
    /** Error code of a store that is there but cannot be read: to go on without it would look as if its variants were lost. */
    String DAMAGED = "store_damaged";

    /**
     * Opens the store of a data folder, which is made if there is none. One process at a time can have it open.
     *
     * @throws SlayerException 500 naming the file and the remedy, if another server has it open ({@code data_folder_in_use}),
     *     it cannot be read or written, is damaged, or was written by a newer version
     */
    static VariantStore open(Path folder) {
        return DatabaseStore.open(folder);
    }

    /** A store that forgets everything when it is closed. */
    static VariantStore inMemory() {
        return new MemoryStore();
    }

    /** All variants, the oldest first. */
    List<StoredVariant> all();

    /**
     * Keeps a variant; when this returns it survives the end of the process.
     *
     * @throws SlayerException 409 if there is one of that name
     */
    void add(StoredVariant variant);

    /** Forgets a variant. Does nothing if there is none of that name. */
    void remove(String name);

    /** Where files and jobs are kept, as long as this store is open; empty if nothing is kept on disk. */
    default Optional<JobStore> jobs() {
        return Optional.empty();
    }

    /** Idempotent. */
    @Override
    void close();

    /** The refusal of a name that is taken. */
    static SlayerException taken(String name) {
        return new SlayerException(
                409,
                "name_taken",
                "name",
                "There is a variant '" + name + "' already; delete it first or choose another name.",
                null);
    }
}
