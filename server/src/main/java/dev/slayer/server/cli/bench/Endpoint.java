package dev.slayer.server.cli.bench;

import java.util.Optional;

/**
 * Where a load goes.
 *
 * @param url the server
 * @param apiKey to send
 * @param here whether it runs in this process, so that its processor time can be told
 * @param cacheOff the same server without a prefix cache, where a comparison needs one
 */
public record Endpoint(String url, Optional<String> apiKey, boolean here, Optional<String> cacheOff) {
    /** A server that somebody else started. */
    public static Endpoint remote(String url, Optional<String> apiKey) {
        return new Endpoint(url, apiKey, false, Optional.empty());
    }

    /** A server of this process, and perhaps a second one. */
    public static Endpoint here(String url, Optional<String> cacheOff) {
        return new Endpoint(url, Optional.empty(), true, cacheOff);
    }
}
