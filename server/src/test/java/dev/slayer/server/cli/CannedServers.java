package dev.slayer.server.cli;

import dev.slayer.server.cli.settings.ServeSettings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Starts canned servers and keeps what they were asked to be. As a program: the command line around them. */
final class CannedServers implements Servers {
    Optional<ServeSettings> settings = Optional.empty();
    final List<CannedServer> started = new ArrayList<>();
    boolean stub;
    private final Duration pause;
    private final int failEvery;

    CannedServers(Duration pause, int failEvery) {
        this.pause = pause;
        this.failEvery = failEvery;
    }

    public static void main(String[] args) {
        Servers servers = new CannedServers(Duration.ofMillis(50), 0);
        System.exit(Main.commandLine(servers, Map.of()).execute(args));
    }

    @Override
    public RunningServer start(ServeSettings given) {
        settings = Optional.of(given);
        started.add(new CannedServer(pause, failEvery));
        return started.getLast();
    }

    @Override
    public RunningServer startStub(ServeSettings given) {
        stub = true;
        return start(given);
    }
}
