package dev.slayer.training.torch;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

class NiceThreadTest {
    private static final Path THREAD = Path.of("/proc/thread-self/stat");

    @Test
    void onlyTheThreadThatAsksGivesWay() throws IOException {
        Assumptions.assumeTrue(Files.exists(THREAD), "no /proc: threads have priorities of their own on Linux only");
        int before = nice();
        int lowered = CompletableFuture.supplyAsync(
                        () -> {
                            assertThat(NiceThread.lower()).isTrue();
                            return nice();
                        },
                        task -> Thread.ofPlatform().start(task))
                .join();
        assertThat(lowered).isEqualTo(Math.max(before, 10));
        assertThat(nice()).isEqualTo(before);
    }

    /** The 19th field, the second being a name in parentheses. */
    private static int nice() {
        try {
            String stat = Files.readString(THREAD);
            return Integer.parseInt(stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[16]);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
