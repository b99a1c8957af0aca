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

    private static final Duration AFTER_DEADLINE = Duration.ofSeconds(15);

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
        Thread.ofPlatform().daemon().name("shutdown-deadline").start(() -> endAtLast(drainTimeout));
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

    /** Ends the process even if draining or closing hangs, which is a defect. */
    private static void endAtLast(Duration drainTimeout) {
        try {
            Thread.sleep(drainTimeout.plus(AFTER_DEADLINE));
        } catch (InterruptedException e) {
            LOG.error("Waiting for the end was interrupted.", e);
        }
        LOG.error("The server did not close in {} after its deadline; ending it.", readable(AFTER_DEADLINE));
        Runtime.getRuntime().halt(1);
    }

    private static String readable(Duration time) {
        return time.toMillis() % 1000 == 0 ? time.toSeconds() + " s" : time.toMillis() + " ms";
    }
}
