package dev.slayer.server.cli;

import dev.slayer.server.cli.settings.ModelSource;
import dev.slayer.server.golden.Golden;
import java.util.List;

/** The real server over slayer-tiny, for tests of other packages. */
public final class EvalServer implements AutoCloseable {
    private final RunningServer server;

    private EvalServer(RunningServer server) {
        this.server = server;
    }

    /** Loads and listens. */
    public static EvalServer start() {
        ModelSource model = new ModelSource("slayer-tiny", Golden.checkpoint("slayer-tiny"));
        return new EvalServer(new Server().start(ServerTest.settings(List.of(model))));
    }

    /** Where it listens. */
    public String url() {
        return server.url().toString();
    }

    @Override
    public void close() {
        server.close();
    }
}
