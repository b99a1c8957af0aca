package dev.slayer.server.cli.eval;

import dev.slayer.server.golden.Golden;
import dev.slayer.surgery.SlayerException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;

/** The harness's Python environment for tests: in the build folder, made once for each content of requirements.txt. */
public final class EvalPython {
    private static final Path FOLDER = Golden.root().resolve("clients/target/lm-eval");

    private EvalPython() {}

    /** The folder; skips the calling test, with the reason, where there is no Python or no way to the package index. */
    public static Path folder() {
        interpreter(System.getenv());
        return FOLDER;
    }

    static Path interpreter(Map<String, String> variables) {
        Path requirements = Golden.root().resolve("clients/lm-eval/requirements.txt");
        try {
            return new PythonEnvironment(FOLDER, requirements, variables)
                    .interpreter(new PrintWriter(System.out, true, StandardCharsets.UTF_8));
        } catch (SlayerException e) {
            if (e.code().equals(PythonEnvironment.NO_PYTHON) || e.code().equals(PythonEnvironment.NOT_INSTALLED)) {
                System.out.println("Skipped: " + e.getMessage());
                Assumptions.abort(e.getMessage());
            }
            throw e;
        }
    }
}
