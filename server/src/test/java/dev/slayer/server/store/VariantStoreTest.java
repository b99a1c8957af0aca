package dev.slayer.server.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VariantStoreTest {
    private static final Instant CREATED = Instant.ofEpochMilli(1_700_000_000_123L);

    @TempDir
    Path folder;

    private static StoredVariant variant(String name) {
        return new StoredVariant(name, "base@remove=1", "base", "0,avg(1:2),other:3*0.5", List.of(1, 7), true, CREATED);
    }

    @Test
    void whatWasAddedIsThereAfterReopeningAndWhatWasRemovedIsNot() {
        Path data = folder.resolve("not/yet/there");
        StoredVariant quoted = variant("o'dd \"name\"; drop table variant; -- \u2603");
        try (VariantStore store = VariantStore.open(data)) {
            assertThat(store.all()).isEmpty();
            store.add(variant("a"));
            store.add(variant("b"));
            store.add(quoted);
            store.remove("a");
            store.remove("never there");
        }
        try (VariantStore store = VariantStore.open(data)) {
            assertThat(store.all()).containsExactly(variant("b"), quoted);
        }
    }

    @Test
    void aNameIsKeptOnce() {
        for (VariantStore store : List.of(VariantStore.open(folder), VariantStore.inMemory())) {
            try (store) {
                store.add(variant("a"));
                assertThatThrownBy(() -> store.add(variant("a")))
                        .isInstanceOfSatisfying(
                                SlayerException.class,
                                e -> assertThat(e.status()).isEqualTo(409));
                assertThat(store.all()).containsExactly(variant("a"));
            }
        }
    }

    @Test
    void whatAddHasReturnedFromIsOnDisk() throws IOException {
        Path killed = folder.resolve("as it was when the power went");
        try (VariantStore store = VariantStore.open(folder.resolve("live"))) {
            store.add(variant("a"));
            Files.createDirectories(killed);
            Files.copy(folder.resolve("live/slayer.mv.db"), killed.resolve("slayer.mv.db"));
        }
        try (VariantStore store = VariantStore.open(killed)) {
            assertThat(store.all()).containsExactly(variant("a"));
        }
    }

    @Test
    void theFolderHoldsOneFileAndALock() throws IOException {
        try (VariantStore store = VariantStore.open(folder)) {
            store.add(variant("a"));
        }
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrder("slayer.mv.db", "slayer.lock");
        }
    }

    @Test
    void aSecondServerIsToldThatTheFolderIsInUse() {
        try (VariantStore store = VariantStore.open(folder)) {
            assertThatThrownBy(() -> VariantStore.open(folder))
                    .isInstanceOfSatisfying(
                            SlayerException.class, e -> assertThat(e.code()).isEqualTo("data_folder_in_use"))
                    .hasMessageContaining(folder.toString())
                    .hasMessageContaining("--data-folder");
            store.add(variant("a"));
        }
        VariantStore.open(folder).close();
    }

    @Test
    void aDamagedFileIsAStartErrorThatNamesItAndTheRemedy() throws IOException {
        Path file = folder.resolve("slayer.mv.db");
        try (VariantStore store = VariantStore.open(folder)) {
            for (int i = 0; i < 200; i++) {
                store.add(variant("variant-" + i));
            }
        }
        byte[] whole = Files.readAllBytes(file);
        Random random = new Random(7);
        byte[] noise = new byte[whole.length];
        random.nextBytes(noise);
        Map<String, byte[]> damages = Map.of(
                "noise", noise,
                "no database", "not a database".getBytes(StandardCharsets.UTF_8),
                "empty", new byte[0],
                "cut off", Arrays.copyOf(whole, 5000),
                "zeroed", zeroedFrom(whole, 8192));
        for (Map.Entry<String, byte[]> damage : damages.entrySet()) {
            Files.write(file, damage.getValue());
            assertThatThrownBy(() -> VariantStore.open(folder).close(), damage.getKey())
                    .isInstanceOfSatisfying(
                            SlayerException.class, e -> assertThat(e.code()).isEqualTo(VariantStore.DAMAGED))
                    .hasMessageContaining(file.toString())
                    .hasMessageContaining("--data-folder");
        }
        Files.write(file, whole);
        try (VariantStore store = VariantStore.open(folder)) {
            assertThat(store.all()).hasSize(200);
        }
    }

    private static byte[] zeroedFrom(byte[] whole, int from) {
        byte[] zeroed = whole.clone();
        Arrays.fill(zeroed, from, zeroed.length, (byte) 0);
        return zeroed;
    }

    @Test
    void aFileOfANewerVersionIsNotTouched() throws SQLException {
        VariantStore.open(folder).close();
        try (Connection other = DriverManager.getConnection("jdbc:h2:file:" + folder.resolve("slayer"), "slayer", "");
                Statement statement = other.createStatement()) {
            statement.execute("update schema_version set version = 3");
        }
        assertThatThrownBy(() -> VariantStore.open(folder))
                .isInstanceOf(SlayerException.class)
                .hasMessageContaining("form 3 of another version");
    }

    @Test
    void aFileFromBeforeThereWereJobsKeepsItsVariantsAndGetsThem() throws SQLException {
        StoredVariant variant = new StoredVariant("v", "base", "base", "0-1", List.of(1), false, Instant.now());
        try (VariantStore store = VariantStore.open(folder)) {
            store.add(variant);
        }
        try (Connection other = DriverManager.getConnection("jdbc:h2:file:" + folder.resolve("slayer"), "slayer", "");
                Statement statement = other.createStatement()) {
            statement.execute("drop table file, job, job_event, job_checkpoint");
            statement.execute("update schema_version set version = 1");
        }
        StoredJob job = new StoredJob("ftjob-1", Instant.now(), "queued", 1, "{}");
        try (VariantStore store = VariantStore.open(folder)) {
            assertThat(store.all()).containsExactly(variant);
            store.jobs().orElseThrow().addJob(job);
        }
        try (VariantStore store = VariantStore.open(folder)) {
            assertThat(store.all()).containsExactly(variant);
            assertThat(store.jobs().orElseThrow().job("ftjob-1")).contains(job);
        }
    }

    @Test
    void aFolderThatCannotBeWrittenIsOneSentence() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "");
        assertThatThrownBy(() -> VariantStore.open(file))
                .isInstanceOf(SlayerException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining("--data-folder");
        assertThatThrownBy(() -> VariantStore.open(folder.resolve("a;INIT=SELECT 1")))
                .isInstanceOf(SlayerException.class)
                .hasMessageContaining("';'");
        Assumptions.assumeFalse(
                "root".equals(System.getProperty("user.name")), "the superuser can write into every folder");
        Path closed = Files.createDirectory(
                folder.resolve("closed"),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("r-xr-xr-x")));
        assertThatThrownBy(() -> VariantStore.open(closed)).hasMessageContaining(closed.toString());
    }
}
