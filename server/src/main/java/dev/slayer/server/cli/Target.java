package dev.slayer.server.cli;

import dev.slayer.clients.SlayerClient;
import dev.slayer.clients.SlayerClientException;
import dev.slayer.server.cli.settings.FolderSettings;
import dev.slayer.server.cli.settings.HttpSettings;
import dev.slayer.server.cli.settings.LogLevel;
import dev.slayer.server.cli.settings.ServeSettings;
import dev.slayer.server.cli.settings.Setting;
import dev.slayer.server.cli.settings.SettingValues;
import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Whom a command talks to: the server of {@code --url}, or one that it starts in this process. */
sealed interface Target {
    /** What a server of this process is made of; not for a server that somebody else started. */
    List<Setting<?>> SERVER = serverSettings();

    /** A server that somebody else started. */
    record Remote(String url, Optional<String> apiKey) implements Target {}

    /** A server of this process. */
    record Here(ServeSettings server) implements Target {}

    /**
     * Reads the options that say it, and sets the level of this process's log.
     *
     * @param url of the command's own options, if it is given
     * @param own options of the command, as given
     * @param server options out of {@link #SERVER}, as given
     * @param log level where none is given
     * @param requests that a server of this process must take at once
     * @throws SlayerException 400 if they do not go together
     */
    static Target of(
            Optional<String> url,
            Map<String, List<String>> own,
            Map<String, List<String>> server,
            Map<String, String> environment,
            LogLevel log,
            int requests) {
        SettingValues values = Options.values(server, environment);
        LogConfiguration.level(values.isSet(ServeSettings.LOG_LEVEL) ? values.one(ServeSettings.LOG_LEVEL) : log);
        if (url.isPresent()) {
            refuseServerOptions(server);
            SettingValues keys = new SettingValues(own, environment, Optional.empty(), Options.folder());
            return new Remote(url.get(), keys.all(HttpSettings.API_KEY).stream().findFirst());
        }
        if (own.containsKey(HttpSettings.API_KEY.name())) {
            throw SlayerException.badRequest(
                    HttpSettings.API_KEY.option(), "--api-key is for the server of --url; there is no --url.");
        }
        HttpSettings anyFreePort = new HttpSettings(
                "127.0.0.1",
                0,
                List.of(),
                List.of(),
                values.one(HttpSettings.MAX_BODY),
                Math.max(values.one(HttpSettings.MAX_REQUESTS), requests));
        return new Here(
                ServeSettings.from(values, ServeCommand.embeddedModel()).with(anyFreePort, FolderSettings.NONE));
    }

    private static void refuseServerOptions(Map<String, List<String>> server) {
        ServeSettings.ENGINE.stream()
                .filter(setting -> server.containsKey(setting.name()))
                .findFirst()
                .ifPresent(setting -> {
                    throw SlayerException.badRequest(
                            setting.option(),
                            setting.option() + " describes a server inside this process and cannot go with --url.");
                });
    }

    /**
     * A client of a server.
     *
     * @throws SlayerException 400 if the URL is none
     */
    static SlayerClient.Builder client(String url, Optional<String> apiKey) {
        try {
            SlayerClient.Builder builder = SlayerClient.at(url);
            apiKey.ifPresent(builder::apiKey);
            return builder;
        } catch (IllegalArgumentException e) {
            throw new SlayerException(400, "invalid_value", "--url", "--url: " + e.getMessage(), e);
        }
    }

    /** What a server said of a request that failed. */
    static SlayerException failure(SlayerClientException e) {
        int status = e.status() >= 400 && e.status() <= 599 ? e.status() : 500;
        return new SlayerException(status, e.code(), null, e.getMessage(), e);
    }

    private static List<Setting<?>> serverSettings() {
        List<Setting<?>> settings = new ArrayList<>(ServeSettings.ENGINE);
        settings.add(ServeSettings.LOG_LEVEL);
        settings.add(ServeSettings.CONFIG);
        return List.copyOf(settings);
    }
}
