package dev.slayer.server.cli;

import dev.slayer.server.cli.settings.ServeSettings;

/** Starts servers; the seam between the command line and what it drives. */
public interface Servers {
    /**
     * Loads the models and listens.
     *
     * @throws dev.slayer.surgery.SlayerException with a sentence for the user, if a model cannot be loaded or the address is taken
     */
    RunningServer start(ServeSettings settings);

    /**
     * The same server around a model that answers every step at once, so that what is left is the cost of HTTP and scheduling.
     * The first model's tokenizer and shape are used, its weights are not.
     */
    RunningServer startStub(ServeSettings settings);
}
