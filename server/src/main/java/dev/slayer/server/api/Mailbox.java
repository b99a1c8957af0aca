package dev.slayer.server.api;

import dev.slayer.server.engine.SequenceEvent;
import dev.slayer.server.engine.SequenceListener;
import io.vertx.core.Context;
import java.util.LinkedHashSet;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Carries events from the engine's thread to one event loop. All replies of the loop share it: what one step of the engine says
 * to 32 streams wakes the loop once, and each stream writes once to its socket.
 */
final class Mailbox {
    /** Letters read before other work of the loop gets its turn. */
    private static final int BATCH = 1024;

    private final Context loop;
    private final Queue<Letter> letters = new ConcurrentLinkedQueue<>();
    private final AtomicBoolean awake = new AtomicBoolean();

    Mailbox(Context loop) {
        this.loop = loop;
    }

    /** A listener for any thread that hands the events of a choice to its reply on the event loop. */
    SequenceListener listener(Reply reply, int choice) {
        return event -> {
            letters.add(new Letter(reply, choice, event, System.nanoTime()));
            wake();
        };
    }

    private void wake() {
        if (awake.compareAndSet(false, true)) {
            loop.runOnContext(nothing -> read());
        }
    }

    private void read() {
        Set<Reply> touched = new LinkedHashSet<>();
        try {
            for (int read = 0; read < BATCH; read++) {
                Letter letter = letters.poll();
                if (letter == null) {
                    break;
                }
                letter.reply.on(letter.choice, letter.event, letter.nanos);
                touched.add(letter.reply);
            }
            touched.forEach(Reply::settle);
        } finally {
            awake.set(false);
            if (!letters.isEmpty()) {
                wake();
            }
        }
    }

    private record Letter(Reply reply, int choice, SequenceEvent event, long nanos) {}
}
