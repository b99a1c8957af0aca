package dev.slayer.surgery.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import com.sun.management.ThreadMXBean;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * 300 spoilt checkpoints in one JVM: each is refused in one sentence that names a file, for a bounded price in memory.
 *
 * <p>A bit flipped blindly can hit what means nothing, a letter of the metadata say. Such a checkpoint must open with all its
 * weights as they were; it does not count, and another bit is flipped.
 */
class CorruptCheckpointsTest {
    private static final int CHECKPOINTS = 300;
    private static final int TRIES = 20;
    private static final long SEED = 20261121;

    /** Bytes on the heap that one refusal may cost: buffers and JSON of small files. */
    private static final long SMALL_PRICE = 4L << 20;
    /** As above, for a directory that holds a file of megabytes; less than half of the largest header. */
    private static final long LARGE_PRICE = 28L << 20;

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @TempDir
    Path root;

    private final Random random = new Random(SEED);
    private final List<String> refusals = new ArrayList<>();

    private static List<Corruption> corruptions() {
        return Stream.of(WeightCorruptions.all(), DirectoryCorruptions.all(), ConfigCorruptions.all())
                .flatMap(List::stream)
                .toList();
    }

    @Test
    void exactly300SpoiltCheckpointsAreRefusedAndTheJvmLives() throws IOException {
        Path good = TinyCheckpoint.single().write(root.resolve("good"));
        for (Corruption corruption : corruptions()) {
            for (int number = 0; number < corruption.count(); number++) {
                refuse(corruption, number, good);
            }
        }
        assertThat(refusals).hasSize(CHECKPOINTS);
        Checkpoint.open(good).close();
        assertNothingStaysMapped();
    }

    private void refuse(Corruption corruption, int number, Path good) throws IOException {
        String what = corruption.kind() + " " + number;
        for (int attempt = 0; attempt < TRIES; attempt++) {
            Path directory = Files.createDirectory(root.resolve("%03d-%d".formatted(refusals.size(), attempt)));
            corruption.spoiler().spoil(directory, random, number);
            if (isRefused(what, directory)) {
                delete(directory);
                return;
            }
            assertThat(corruption.mayMiss()).as("%s was accepted", what).isTrue();
            assertSameWeights(what, directory, good);
        }
        fail("%s: %d changes in a row changed nothing", what, TRIES);
    }

    private boolean isRefused(String what, Path directory) throws IOException {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        try (Checkpoint accepted = Checkpoint.open(directory)) {
            assertThat(accepted.names()).isNotEmpty();
            return false;
        } catch (SlayerException e) {
            long price = THREADS.getCurrentThreadAllocatedBytes() - before;
            assertThat(price).as("bytes allocated for: %s", what).isLessThan(allowedPrice(directory));
            assertOneSentence(what, e, directory);
            refusals.add(what + ": " + e.getMessage());
            return true;
        }
    }

    /** At once rather than at the end: some hold many bytes, some links that lead outside. */
    private static void delete(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(directory);
    }

    private static void assertOneSentence(String what, SlayerException e, Path directory) {
        assertThat(e.status()).as(what).isEqualTo(400);
        assertThat(e.getMessage())
                .as(what)
                .matches("\\Q" + directory + "\\E(/[^/:]+)?: [a-z'].{10,}")
                .hasSizeLessThan(1_100);
        assertThat(e.getMessage().chars().filter(Character::isISOControl).count())
                .as(what)
                .isZero();
    }

    private static long allowedPrice(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            boolean small = files.filter(Files::isRegularFile)
                    .allMatch(file -> file.toFile().length() < 1 << 20);
            return small ? SMALL_PRICE : LARGE_PRICE;
        }
    }

    private static void assertSameWeights(String what, Path directory, Path good) {
        try (Checkpoint one = Checkpoint.open(directory);
                Checkpoint other = Checkpoint.open(good)) {
            assertThat(one.config()).as(what).isEqualTo(other.config());
            assertThat(one.names()).as(what).containsExactlyElementsOf(other.names());
            for (String name : one.names()) {
                Tensor tensor = one.tensor(name);
                Tensor expected = other.tensor(name);
                assertThat(tensor.dtype()).as(what).isEqualTo(expected.dtype());
                assertThat(tensor.shape()).as(what).isEqualTo(expected.shape());
                assertThat(tensor.data().mismatch(expected.data())).as(what).isEqualTo(-1);
            }
        }
    }

    private void assertNothingStaysMapped() throws IOException {
        Path maps = Path.of("/proc/self/maps");
        if (Files.exists(maps)) {
            assertThat(Files.readAllLines(maps)).noneMatch(line -> line.contains(root.toString()));
        }
    }

    @Test
    void aPipeInPlaceOfAFileIsRefusedAtOnce() throws IOException, InterruptedException {
        Path directory = TinyCheckpoint.single().write(root.resolve("pipe"));
        Files.delete(directory.resolve("config.json"));
        boolean made =
                new ProcessBuilder("mkfifo", directory.resolve("config.json").toString())
                                .start()
                                .waitFor()
                        == 0;
        Assumptions.assumeTrue(made, "this system makes no pipes");
        assertThat(isRefused("a pipe", directory)).isTrue();
    }
}
