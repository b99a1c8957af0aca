package dev.slayer.server.cli.eval;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.cli.EvalServer;
import dev.slayer.server.golden.Golden;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The real lm_eval against the real server. */
@Timeout(3000)
class LmEvalTest {
    private static final Path FILES = Golden.root().resolve("clients/lm-eval");

    @Test
    void everyWayOfAskingGetsTheScoresThatTransformersComputed(@TempDir Path folder) throws Exception {
        Path python = EvalPython.interpreter(System.getenv());
        Map<String, String> variables = new HashMap<>(System.getenv());
        variables.putAll(Map.of("HF_HUB_OFFLINE", "1", "HF_DATASETS_OFFLINE", "1", "TQDM_DISABLE", "1"));
        variables.put("HF_HOME", folder.resolve("home").toString());
        List<String> said = new CopyOnWriteArrayList<>();
        try (EvalServer server = EvalServer.start()) {
            ProcessRun run = ProcessRun.of(
                    List.of(
                            python.toString(),
                            FILES.resolve("tests/agreement.py").toString(),
                            server.url()),
                    variables,
                    Duration.ofMinutes(25),
                    folder.resolve("log"),
                    said::add);
            System.out.println(String.join("\n", said));
            assertThat(run.exitCode()).as(run.errors()).isZero();
        }
        assertThat(said).last().isEqualTo("all 30 ways agree");
    }
}
