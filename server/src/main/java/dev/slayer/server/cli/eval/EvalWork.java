package dev.slayer.server.cli.eval;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** What an evaluation does. */
public sealed interface EvalWork {
    /**
     * Tasks of lm-evaluation-harness.
     *
     * @param names of tasks or groups, ours or the harness's own
     * @param limit items of each task; empty for all
     * @param fewShots solved examples in each prompt; empty for what each task says
     * @param batchSize prompts in each request
     * @param tokenizer folder or name on the hub; empty for that of the served checkpoint
     * @param generation fields for every generation, as JSON text
     * @param runsCode whether programs that the model wrote may run
     * @param environment folder of the Python environment; empty for the usual one
     */
    record Tasks(
            List<String> names,
            Optional<Integer> limit,
            Optional<Integer> fewShots,
            int batchSize,
            TokenizerBackend backend,
            Optional<String> tokenizer,
            Optional<String> generation,
            boolean runsCode,
            Optional<Path> environment)
            implements EvalWork {
        public Tasks {
            names = List.copyOf(names);
        }
    }

    /**
     * Programs for the BigCode harness.
     *
     * @param problems JSON lines with a prompt each
     * @param limit problems; empty for all
     * @param samples programs per problem
     * @param maxLength most tokens of prompt and program together
     */
    record BigCode(Path problems, Optional<Integer> limit, int samples, double temperature, int maxLength)
            implements EvalWork {}
}
