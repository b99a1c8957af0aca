package dev.slayer.server.cli.settings;

import java.util.List;
import java.util.Objects;

/**
 * Where and for whom the API is there.
 *
 * @param host address to listen on
 * @param port to listen on; 0 takes any free one
 * @param apiKeys accepted bearer tokens; none means that nobody is asked for one
 * @param corsOrigins origins of web pages that may call; {@code *} for all
 * @param maxBodyBytes longest request body
 * @param maxRequests requests answered at once; more get status 429
 */
public record HttpSettings(
        String host, int port, List<String> apiKeys, List<String> corsOrigins, long maxBodyBytes, int maxRequests) {
    /** @throws dev.slayer.surgery.SlayerException 400 naming the option, the value and the allowed range */
    public HttpSettings {
        Objects.requireNonNull(host);
        ServeSettings.PORT.require(port);
        apiKeys = List.copyOf(apiKeys);
        corsOrigins = List.copyOf(corsOrigins);
        ServeSettings.MAX_BODY.require(maxBodyBytes);
        ServeSettings.MAX_REQUESTS.require(maxRequests);
    }
}
