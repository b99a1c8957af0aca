package dev.slayer.server.cli.bench;

import java.util.Optional;

/**
 * What one scoring request saw.
 *
 * @param time from sending the request to having read its answer
 * @param cachedTokens what the server says it did not have to compute
 * @param error code of the failure, if it failed; then the other numbers do not count
 */
record ScoreTrace(Interval time, int cachedTokens, Optional<String> error) {
    static ScoreTrace of(Interval time, int cachedTokens) {
        return new ScoreTrace(time, cachedTokens, Optional.empty());
    }

    static ScoreTrace failed(Interval time, String code) {
        return new ScoreTrace(time, 0, Optional.of(code));
    }
}
