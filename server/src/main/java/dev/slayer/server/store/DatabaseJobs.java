package dev.slayer.server.store;

import dev.slayer.surgery.SlayerException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Files and jobs in the tables of a {@link DatabaseStore}, on its connection and under its lock. */
final class DatabaseJobs implements JobStore {
    /** Entries of a list are numbered in the order in which they came. */
    static final String TABLES = """
            create table if not exists file (
                number bigint generated always as identity primary key,
                id varchar not null unique,
                filename varchar not null,
                purpose varchar not null,
                stored varchar not null,
                bytes bigint not null,
                created timestamp(3) with time zone not null,
                expires timestamp(3) with time zone);
            create table if not exists job (
                number bigint generated always as identity primary key,
                id varchar not null unique,
                created timestamp(3) with time zone not null,
                status varchar not null,
                position bigint not null,
                document varchar not null);
            create table if not exists job_event (
                number bigint generated always as identity primary key,
                id varchar not null unique,
                job varchar not null,
                created timestamp(3) with time zone not null,
                level varchar not null,
                type varchar not null,
                message varchar not null,
                data varchar not null);
            create index if not exists job_event_job on job_event (job, number);
            create table if not exists job_checkpoint (
                number bigint generated always as identity primary key,
                id varchar not null unique,
                job varchar not null,
                step bigint not null,
                created timestamp(3) with time zone not null,
                metrics varchar not null);
            create index if not exists job_checkpoint_job on job_checkpoint (job, number);
            """;

    private final Connection connection;
    private final Object lock;
    private final Path folder;
    private final Function<SQLException, SlayerException> unusable;

    /** @param lock that everybody holds who uses the connection */
    DatabaseJobs(Connection connection, Object lock, Path folder, Function<SQLException, SlayerException> unusable) {
        this.connection = connection;
        this.lock = lock;
        this.folder = folder;
        this.unusable = unusable;
    }

    private interface Work<T> {
        T on(PreparedStatement statement) throws SQLException;
    }

    private interface Row<T> {
        T read(ResultSet row) throws SQLException;
    }

    private <T> T with(String sql, Work<T> work) {
        synchronized (lock) {
            try (PreparedStatement statement = connection.prepareStatement(sql)) {
                return work.on(statement);
            } catch (SQLException e) {
                throw unusable.apply(e);
            }
        }
    }

    private void change(String sql, Object... values) {
        with(sql, statement -> {
            fill(statement, List.of(values));
            return statement.executeUpdate();
        });
    }

    private static void fill(PreparedStatement statement, List<?> values) throws SQLException {
        for (int i = 0; i < values.size(); i++) {
            Object value = values.get(i);
            switch (value) {
                case Instant time -> statement.setTimestamp(i + 1, Timestamp.from(time));
                case Optional<?> perhaps ->
                    statement.setTimestamp(
                            i + 1,
                            perhaps.map(time -> Timestamp.from((Instant) time)).orElse(null));
                default -> statement.setObject(i + 1, value);
            }
        }
    }

    private <T> List<T> select(String sql, List<?> values, Row<T> row) {
        return with(sql, statement -> {
            fill(statement, values);
            List<T> found = new ArrayList<>();
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    found.add(row.read(rows));
                }
            }
            return found;
        });
    }

    /** @param filter column that must have a value; empty for none */
    private <T> Listed<T> page(String table, String filter, List<String> value, Page page, Row<T> row) {
        List<Object> values = new ArrayList<>(value);
        String where = value.isEmpty() ? "true" : filter + " = ?";
        if (page.after().isPresent()) {
            String id = page.after().get();
            List<Long> number =
                    select("select number from " + table + " where id = ?", List.of(id), found -> found.getLong(1));
            if (number.isEmpty()) {
                throw new SlayerException(
                        404,
                        "not_found",
                        "after",
                        "after='" + (id.length() > 80 ? id.substring(0, 80) + "..." : id)
                                + "' is no entry of this list; give the id of its last entry that you have.",
                        null);
            }
            where += page.newestFirst() ? " and number < ?" : " and number > ?";
            values.add(number.getFirst());
        }
        values.add(page.limit() + 1);
        List<T> found = select(
                "select * from " + table + " where " + where + " order by number "
                        + (page.newestFirst() ? "desc" : "asc") + " limit ?",
                values,
                row);
        boolean more = found.size() > page.limit();
        return new Listed<>(more ? found.subList(0, page.limit()) : found, more);
    }

    private static Instant time(ResultSet row, String column) throws SQLException {
        return row.getTimestamp(column).toInstant();
    }

    @Override
    public Path folder() {
        return folder;
    }

    @Override
    public void addFile(StoredFile file) {
        change(
                "insert into file (id, filename, purpose, stored, bytes, created, expires) values (?, ?, ?, ?, ?, ?, ?)",
                file.id(),
                file.filename(),
                file.purpose(),
                file.stored(),
                file.bytes(),
                file.created(),
                file.expires());
    }

    private static StoredFile file(ResultSet row) throws SQLException {
        return new StoredFile(
                row.getString("id"),
                row.getString("filename"),
                row.getString("purpose"),
                row.getString("stored"),
                row.getLong("bytes"),
                time(row, "created"),
                Optional.ofNullable(row.getTimestamp("expires")).map(Timestamp::toInstant));
    }

    @Override
    public Optional<StoredFile> file(String id) {
        return select("select * from file where id = ?", List.of(id), DatabaseJobs::file).stream()
                .findFirst();
    }

    @Override
    public Listed<StoredFile> files(Optional<String> purpose, Page page) {
        return page("file", "purpose", purpose.stream().toList(), page, DatabaseJobs::file);
    }

    @Override
    public void removeFile(String id) {
        change("delete from file where id = ?", id);
    }

    @Override
    public void addJob(StoredJob job) {
        change(
                "insert into job (id, created, status, position, document) values (?, ?, ?, ?, ?)",
                job.id(),
                job.created(),
                job.status(),
                job.position(),
                job.document());
    }

    private static StoredJob job(ResultSet row) throws SQLException {
        return new StoredJob(
                row.getString("id"),
                time(row, "created"),
                row.getString("status"),
                row.getLong("position"),
                row.getString("document"));
    }

    @Override
    public Optional<StoredJob> job(String id) {
        return select("select * from job where id = ?", List.of(id), DatabaseJobs::job).stream()
                .findFirst();
    }

    @Override
    public void updateJob(StoredJob job) {
        change(
                "update job set status = ?, position = ?, document = ? where id = ?",
                job.status(),
                job.position(),
                job.document(),
                job.id());
    }

    @Override
    public Listed<StoredJob> jobs(Page page) {
        return page("job", "", List.of(), page, DatabaseJobs::job);
    }

    @Override
    public List<StoredJob> jobs(List<String> statuses) {
        String places = statuses.stream().map(status -> "?").collect(Collectors.joining(", "));
        return select(
                "select * from job where status in (" + places + ") order by position", statuses, DatabaseJobs::job);
    }

    @Override
    public void addEvents(List<StoredEvent> events) {
        with(
                "insert into job_event (id, job, created, level, type, message, data) values (?, ?, ?, ?, ?, ?, ?)",
                statement -> {
                    for (StoredEvent event : events) {
                        fill(
                                statement,
                                List.of(
                                        event.id(),
                                        event.job(),
                                        event.created(),
                                        event.level(),
                                        event.type(),
                                        event.message(),
                                        event.data()));
                        statement.addBatch();
                    }
                    return statement.executeBatch();
                });
    }

    @Override
    public Listed<StoredEvent> events(String job, Page page) {
        return page(
                "job_event",
                "job",
                List.of(job),
                page,
                row -> new StoredEvent(
                        row.getString("id"),
                        row.getString("job"),
                        time(row, "created"),
                        row.getString("level"),
                        row.getString("type"),
                        row.getString("message"),
                        row.getString("data")));
    }

    @Override
    public void addCheckpoint(StoredCheckpoint checkpoint) {
        change(
                "merge into job_checkpoint (id, job, step, created, metrics) key (id) values (?, ?, ?, ?, ?)",
                checkpoint.id(),
                checkpoint.job(),
                checkpoint.step(),
                checkpoint.created(),
                checkpoint.metrics());
    }

    @Override
    public Listed<StoredCheckpoint> checkpoints(String job, Page page) {
        return page(
                "job_checkpoint",
                "job",
                List.of(job),
                page,
                row -> new StoredCheckpoint(
                        row.getString("id"),
                        row.getString("job"),
                        row.getLong("step"),
                        time(row, "created"),
                        row.getString("metrics")));
    }
}
