package dev.slayer.server.store;

import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.h2.api.ErrorCode;
import org.h2.jdbcx.JdbcDataSource;

/**
 * Variants, files and jobs in an H2 database of one file. One connection, one thread at a time: it is asked when a variant is made or
 * deleted, about files and jobs, and once at the start.
 */
final class DatabaseStore implements VariantStore {
    /** Number of the tables' form; a change raises it and converts the older form when it is opened. */
    static final int SCHEMA = 2;

    /** The form before files and jobs were kept. */
    private static final int VARIANTS_ONLY = 1;

    private static final String NAME = "slayer";
    private static final String UNFINISHED = "slayer-unfinished";
    private static final String SUFFIX = ".mv.db";

    private static final String TABLES = """
            create table schema_version (version integer not null);
            create table variant (
                name varchar primary key,
                base varchar not null,
                checkpoint varchar not null,
                layout varchar not null,
                trainable varchar not null,
                trains_head boolean not null,
                created timestamp(3) with time zone not null);
            """;

    /** Every commit is on disk when it returns; no trace file beside the database; the shutdown hook is ours. */
    private static final String OPTIONS = ";WRITE_DELAY=0;TRACE_LEVEL_FILE=0;DB_CLOSE_ON_EXIT=FALSE;CACHE_SIZE=1024";

    private final Path file;
    private final FolderLock lock;
    private final Connection connection;
    private final JobStore jobs;

    private DatabaseStore(Path file, FolderLock lock, Connection connection) {
        this.file = file;
        this.lock = lock;
        this.connection = connection;
        this.jobs = new DatabaseJobs(connection, this, file.getParent(), failure -> unusable(file, failure));
    }

    static VariantStore open(Path folder) {
        Path absolute = folder.toAbsolutePath().normalize();
        if (absolute.toString().contains(";")) { // would end the database's name
            throw new SlayerException(
                    500,
                    "data_folder_unusable",
                    "--data-folder",
                    "The data folder " + absolute + " has a ';' in its path; choose another with --data-folder.",
                    null);
        }
        FolderLock lock = FolderLock.take(absolute);
        Path file = absolute.resolve(NAME + SUFFIX);
        try {
            if (!Files.exists(file)) {
                make(absolute, file);
            }
            DatabaseStore store = new DatabaseStore(file, lock, connect(absolute, NAME));
            store.check();
            return store;
        } catch (SQLException | IOException e) {
            close(lock);
            throw unusable(file, e);
        } catch (RuntimeException e) { // the database's own checks of a damaged file
            close(lock);
            throw e instanceof SlayerException ? e : unusable(file, e);
        }
    }

    /** Makes an empty store under another name first, so that a file of the right name is whole and one without tables damaged. */
    private static void make(Path folder, Path file) throws SQLException, IOException {
        Path unfinished = folder.resolve(UNFINISHED + SUFFIX);
        Files.deleteIfExists(unfinished);
        try (Connection connection = connect(folder, UNFINISHED);
                Statement statement = connection.createStatement()) {
            statement.execute(TABLES + DatabaseJobs.TABLES);
            statement.execute("insert into schema_version values (" + SCHEMA + ")");
        }
        Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
    }

    private static Connection connect(Path folder, String name) throws SQLException {
        JdbcDataSource source = new JdbcDataSource();
        source.setURL("jdbc:h2:file:" + folder.resolve(name) + OPTIONS);
        source.setUser(NAME);
        return source.getConnection();
    }

    /** Reads everything once. */
    private void check() {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("select max(version) from schema_version")) {
            rows.next();
            if (rows.getInt(1) == VARIANTS_ONLY) {
                addJobs();
            } else if (rows.getInt(1) != SCHEMA) {
                throw new SlayerException(
                        500,
                        DAMAGED,
                        "--data-folder",
                        file + " has the form " + rows.getInt(1) + " of another version of Slayer, this one knows "
                                + SCHEMA + "; use that version, or another --data-folder.",
                        null);
            }
            all();
        } catch (SQLException | RuntimeException e) {
            closeConnection();
            throw e instanceof SlayerException known ? known : unusable(file, e);
        }
    }

    /** A crash in between leaves tables that are taken as they are. */
    private void addJobs() throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(DatabaseJobs.TABLES);
            statement.execute("update schema_version set version = " + SCHEMA);
        }
    }

    private void closeConnection() {
        try {
            connection.close();
        } catch (SQLException e) {
            throw unusable(file, e);
        }
    }

    @Override
    public synchronized List<StoredVariant> all() {
        try (PreparedStatement query = connection.prepareStatement(
                        "select name, base, checkpoint, layout, trainable, trains_head, created from variant"
                                + " order by created, name");
                ResultSet rows = query.executeQuery()) {
            List<StoredVariant> variants = new ArrayList<>();
            while (rows.next()) {
                variants.add(new StoredVariant(
                        rows.getString(1),
                        rows.getString(2),
                        rows.getString(3),
                        rows.getString(4),
                        slots(rows.getString(5)),
                        rows.getBoolean(6),
                        rows.getTimestamp(7).toInstant()));
            }
            return variants;
        } catch (SQLException | RuntimeException e) {
            throw unusable(file, e);
        }
    }

    @Override
    public synchronized void add(StoredVariant variant) {
        String insert = "insert into variant (name, base, checkpoint, layout, trainable, trains_head, created)"
                + " values (?, ?, ?, ?, ?, ?, ?)";
        try (PreparedStatement statement = connection.prepareStatement(insert)) {
            statement.setString(1, variant.name());
            statement.setString(2, variant.base());
            statement.setString(3, variant.checkpoint());
            statement.setString(4, variant.layout());
            statement.setString(5, text(variant.trainable()));
            statement.setBoolean(6, variant.trainsHead());
            statement.setTimestamp(7, Timestamp.from(variant.created()));
            statement.executeUpdate();
        } catch (SQLException e) {
            throw e.getErrorCode() == ErrorCode.DUPLICATE_KEY_1
                    ? VariantStore.taken(variant.name())
                    : unusable(file, e);
        }
    }

    @Override
    public synchronized void remove(String name) {
        try (PreparedStatement statement = connection.prepareStatement("delete from variant where name = ?")) {
            statement.setString(1, name);
            statement.executeUpdate();
        } catch (SQLException e) {
            throw unusable(file, e);
        }
    }

    @Override
    public Optional<JobStore> jobs() {
        return Optional.of(jobs);
    }

    @Override
    public synchronized void close() {
        try (lock) {
            closeConnection();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void close(FolderLock lock) {
        try {
            lock.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String text(List<Integer> slots) {
        return slots.stream().map(String::valueOf).collect(Collectors.joining(","));
    }

    private static List<Integer> slots(String text) {
        return text.isEmpty()
                ? List.of()
                : Arrays.stream(text.split(",")).map(Integer::valueOf).toList();
    }

    private static SlayerException unusable(Path file, Exception cause) {
        return new SlayerException(
                500,
                DAMAGED,
                "--data-folder",
                "The store of variants " + file + " cannot be used: "
                        + String.valueOf(cause.getMessage()).lines().findFirst().orElse("")
                        + ". If it is damaged, put a copy of it back or move the file away (its variants are lost then),"
                        + " or choose another --data-folder.",
                cause);
    }
}
