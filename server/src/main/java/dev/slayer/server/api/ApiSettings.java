package dev.slayer.server.api;

import dev.slayer.surgery.SlayerException;
import java.time.Duration;
import java.util.List;

/**
 * What can be set about the HTTP side.
 *
 * @param host address to bind
 * @param port port to bind; 0 takes any free one
 * @param apiKeys keys of which one must come as a bearer token to reach /v1; empty leaves the server open
 * @param corsOrigins origins that browsers may call from; {@code *} is any, empty is none
 * @param maxBodyBytes longest request body
 * @param maxConcurrentRequests inference and tokenizer requests in progress; the next one gets 429
 * @param maxSequences most sequences (prompts times n) of one request
 * @param maxLogprobs cap of logprobs, top_logprobs and prompt_logprobs
 * @param maxQueuedTokens most tokens kept for a streaming client that does not read; beyond them its sequences are cancelled
 * @param stallTimeout how long a client may leave a full socket unread, or its request body unsent, before the connection is closed
 */
public record ApiSettings(
        String host,
        int port,
        List<String> apiKeys,
        List<String> corsOrigins,
        int maxBodyBytes,
        int maxConcurrentRequests,
        int maxSequences,
        int maxLogprobs,
        int maxQueuedTokens,
        Duration stallTimeout) {

    /** An open server on this machine only. */
    public static final ApiSettings DEFAULTS = new ApiSettings(
            "127.0.0.1", 8000, List.of(), List.of("*"), 32 << 20, 1024, 1024, 20, 16_384, Duration.ofSeconds(60));

    /** @throws SlayerException 400 naming the setting, the value and the allowed range */
    public ApiSettings {
        if (host.isBlank()) {
            throw SlayerException.badRequest("host", "host is empty; give an address such as 127.0.0.1 or 0.0.0.0.");
        }
        within("port", port, 0, 65_535);
        apiKeys = List.copyOf(apiKeys);
        if (apiKeys.stream().anyMatch(String::isBlank)) {
            throw SlayerException.badRequest("api-key", "An api-key is empty; leave it out for an open server.");
        }
        corsOrigins = List.copyOf(corsOrigins);
        within("max-body-bytes", maxBodyBytes, 1024, 1 << 30);
        within("max-concurrent-requests", maxConcurrentRequests, 1, 1_000_000);
        within("max-sequences", maxSequences, 1, 1_000_000);
        within("max-logprobs", maxLogprobs, 0, 1000);
        within("max-queued-tokens", maxQueuedTokens, 1, 10_000_000);
        if (stallTimeout.isNegative() || stallTimeout.isZero()) {
            throw SlayerException.badRequest(
                    "stall-timeout", "stall-timeout=" + stallTimeout + " is out of range; allowed: over 0.");
        }
    }

    private static void within(String setting, long value, long low, long high) {
        if (value < low || value > high) {
            throw SlayerException.badRequest(
                    setting, setting + "=" + value + " is out of range; allowed: " + low + " to " + high + ".");
        }
    }
}
