package dev.slayer.server.cli.bench;

import java.util.Optional;
import org.HdrHistogram.Histogram;

/** What one request saw; filled by the thread that reads its stream. */
final class RequestTrace {
    private final long started;
    private final int promptTokens;
    private final Histogram gaps = new Histogram(3);
    private long first;
    private long last;
    private int outputTokens;
    private Optional<String> error = Optional.empty();

    /** @param started System.nanoTime() when the request was sent */
    RequestTrace(long started, int promptTokens) {
        this.started = started;
        this.promptTokens = promptTokens;
    }

    /** So many tokens came together; they share the time since the ones before. */
    void tokens(long now, int count) {
        if (outputTokens == 0) {
            first = now;
            if (count > 1) {
                gaps.recordValueWithCount(0, count - 1);
            }
        } else {
            gaps.recordValueWithCount((now - last) / count, count);
        }
        last = now;
        outputTokens += count;
    }

    /** What the server says at the end about the number of tokens; it knows better than pieces of text do. */
    void total(int tokens) {
        outputTokens = tokens;
    }

    /** The request failed; its numbers do not count. */
    void failed(String code) {
        error = Optional.of(code);
    }

    Optional<String> error() {
        return error;
    }

    int promptTokens() {
        return promptTokens;
    }

    int outputTokens() {
        return outputTokens;
    }

    /** From sending the request to its first token. */
    Interval prefill() {
        return new Interval(started, first);
    }

    /** From the first token to the last. */
    Interval decode() {
        return new Interval(first, last);
    }

    /** Nanoseconds between one token and the next. */
    Histogram gaps() {
        return gaps;
    }
}
