package dev.slayer.server.cli;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What happens on SIGTERM and Ctrl-C: the server drains, then the process ends with code 0, or 1 if draining failed.
 *
 * <p>The JVM itself would end with 128 + the signal's number; the hook ends the process before that.
 */
final class Shutdown {
    private static final Logger LOG = LoggerFactory.getLogger(Shutdown.class);

    private final CountDownLatch ended = new CountDownLatch(1);

    private Shutdown() {}

    /** From now on a signal ends the process that way. */
    static Shutdown onSignal(RunningServer server, Duration drainTimeout) {
        Shutdown shutdown = new Shutdown();
        Thread hook = new Thread(() -> shutdown.end(server, drainTimeout), "shutdown");
        Runtime.getRuntime().addShutdownHook(hook);
        return shutdown;
    }

    /** Waits for the end of the process. */
    void await() throws InterruptedException {
        ended.await();
    }

    private void end(RunningServer server, Duration drainTimeout) {
        int code = 0;
        try (server) {
            LOG.info("Draining: no new requests; running ones have {} to finish.", readable(drainTimeout));
            server.drain(drainTimeout);
            LOG.info("Drained.");
        } catch (RuntimeException e) {
            LOG.error("Draining failed.", e);
            code = 1;
        }
        System.out.flush();
        Runtime.getRuntime().halt(code);
    }

    private static String readable(Duration time) {
        return time.toMillis() % 1000 == 0 ? time.toSeconds() + " s" : time.toMillis() + " ms";
    }
}
