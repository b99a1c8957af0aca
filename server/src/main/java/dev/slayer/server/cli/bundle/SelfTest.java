package dev.slayer.server.cli.bundle;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.slayer.clients.Completion;
import dev.slayer.clients.CompletionRequest;
import dev.slayer.clients.SlayerClient;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.util.List;

/**
 * Greedy answers that transformers gave too: slayer-tiny as it is, and without one layer.
 *
 * @param prompt of all answers
 * @param answers to it
 */
public record SelfTest(String prompt, List<Answer> answers) {
    public SelfTest {
        answers = List.copyOf(answers);
    }

    /**
     * What a model says.
     *
     * @param model as a request names it
     * @param tokens of the answer
     */
    public record Answer(String model, List<Integer> tokens) {
        public Answer {
            tokens = List.copyOf(tokens);
        }
    }

    /** The one that comes with the server. */
    public static SelfTest embedded() {
        try (InputStream in = SelfTest.class.getResourceAsStream("self-test.json")) {
            return new ObjectMapper().readValue(in, SelfTest.class);
        } catch (IOException e) {
            throw SlayerException.internal("self-test.json of the server cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * Asks a server and prints a line for each answer.
     *
     * @return whether all are as they should be
     * @throws dev.slayer.clients.SlayerClientException if the server does not answer
     */
    public boolean passes(SlayerClient client, PrintWriter out) {
        boolean passed = true;
        for (Answer expected : answers) {
            Completion got = client.complete(CompletionRequest.of(expected.model(), prompt)
                    .maxTokens(expected.tokens().size())
                    .temperature(0)
                    .ignoreEos()
                    .returnTokenIds());
            List<Integer> tokens = got.choices().getFirst().tokenIds();
            if (tokens.equals(expected.tokens())) {
                out.println("ok      " + expected.model() + ": " + tokens);
            } else {
                passed = false;
                out.println("wrong   " + expected.model() + ": tokens " + tokens + " instead of " + expected.tokens());
            }
            out.flush();
        }
        return passed;
    }
}
