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
    public static final Setting<String> HOST = Setting.of(
            "host", "ADDRESS", SettingType.text(), "127.0.0.1", "Address to listen on; 0.0.0.0 is every network.");

    public static final Setting<Integer> PORT = Setting.of(
            "port", "PORT", SettingType.integer(0, 65_535), "8000", "Port to listen on; 0 takes any free one.");

    public static final Setting<String> API_KEY = Setting.repeatable(
            "api-key",
            "KEY",
            SettingType.text(),
            "none, everybody may call",
            "Key that clients must send as bearer token; better in the environment, where other users cannot see it.");

    public static final Setting<String> CORS_ORIGIN = Setting.repeatable(
            "cors-origin",
            "ORIGIN",
            SettingType.text(),
            "none",
            "Web origin whose pages may call the API, or '*' for every origin.");

    public static final Setting<Long> MAX_BODY =
            Setting.of("max-body", "SIZE", SettingType.size(1 << 10, 1 << 30), "64MiB", "Longest request body.");

    public static final Setting<Integer> MAX_REQUESTS = Setting.of(
            "max-requests",
            "N",
            SettingType.integer(1, 1_000_000),
            "1024",
            "Requests answered at once; more get status 429.");

    /** @throws dev.slayer.surgery.SlayerException 400 naming the option, the value and the allowed range */
    public HttpSettings {
        Objects.requireNonNull(host);
        PORT.require(port);
        apiKeys = List.copyOf(apiKeys);
        corsOrigins = List.copyOf(corsOrigins);
        MAX_BODY.require(maxBodyBytes);
        MAX_REQUESTS.require(maxRequests);
    }

    static HttpSettings from(SettingValues values) {
        return new HttpSettings(
                values.one(HOST),
                values.one(PORT),
                values.all(API_KEY),
                values.all(CORS_ORIGIN),
                values.one(MAX_BODY),
                values.one(MAX_REQUESTS));
    }
}
