package dev.slayer.server.accelerator.runtime;

import java.util.List;
import java.util.stream.Collectors;

/**
 * Something that CUDA needs and that is not there.
 *
 * @param what such as {@code libcudnn.so.9}
 * @param found what is there instead, with its version where one is known
 * @param wanted what would do
 * @param remedy what to do, an imperative
 */
record Lack(String what, String found, String wanted, String remedy) {
    /** All of them as one message, below a line that says what they are lacking for. */
    static String message(String head, List<Lack> lacks) {
        return lacks.stream().map(Lack::line).collect(Collectors.joining("\n", head + "\n", ""));
    }

    private String line() {
        return "  - " + what + ": found " + found + "; wanted " + wanted + ". " + remedy + ".";
    }
}
