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

    /** Takes the events of a request's sequences, on the event loop. */
    interface Recipient {
        /**
         * Takes an event; must not throw.
         *
         * @param index which of its sequences
         * @param nanos when it happened, by {@link System#nanoTime}
         */
        void on(int index, SequenceEvent event, long nanos);

        /** No more events for now: sends what the last ones made. Must not throw. */
        void settle();
    }

    /** A listener for any thread that hands the events of a sequence to its recipient on the event loop. */
    SequenceListener listener(Recipient recipient, int index) {
        return event -> {
            letters.add(new Letter(recipient, index, event, System.nanoTime()));
            wake();
        };
    }

    private void wake() {
        if (awake.compareAndSet(false, true)) {
            loop.runOnContext(nothing -> read());
        }
    }

    private void read() {
        Set<Recipient> touched = new LinkedHashSet<>();
        try {
            for (int read = 0; read < BATCH; read++) {
                Letter letter = letters.poll();
                if (letter == null) {
                    break;
                }
                letter.recipient.on(letter.index, letter.event, letter.nanos);
                touched.add(letter.recipient);
            }
            touched.forEach(Recipient::settle);
        } finally {
            awake.set(false);
            if (!letters.isEmpty()) {
                wake();
            }
        }
    }

    private record Letter(Recipient recipient, int index, SequenceEvent event, long nanos) {}
}
