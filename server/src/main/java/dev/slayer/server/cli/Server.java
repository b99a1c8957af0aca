package dev.slayer.server.cli;

import dev.slayer.server.cli.settings.ServeSettings;
import dev.slayer.surgery.SlayerException;

/** Puts checkpoints, engine and API together. */
final class Server implements Servers {
    @Override
    public RunningServer start(ServeSettings settings) {
        throw SlayerException.internal("The engine and the API are not wired into this build yet.", null);
    }

    @Override
    public RunningServer startStub(ServeSettings settings) {
        throw SlayerException.internal("The stub model is not wired into this build yet.", null);
    }
}
