package dev.slayer.training.run;

import dev.slayer.training.torch.NiceThread;

/** For those who train beside more urgent work. */
public final class BackgroundThread {
    private BackgroundThread() {}

    /**
     * Lets the calling thread, on which a run is made, give way to others from now on.
     *
     * @return whether the system did it
     */
    public static boolean enter() {
        return NiceThread.lower();
    }
}
