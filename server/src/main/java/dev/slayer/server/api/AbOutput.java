package dev.slayer.server.api;

import dev.slayer.server.engine.SequenceEvent.Generated;
import dev.slayer.surgery.SlayerException;

/** Where a comparison's findings go. Lives on one event loop. */
sealed interface AbOutput permits AbStream, AbWhole {
    /** A variant has said one more token. @throws SlayerException 408 if the client has left too much unread */
    void token(AbAnswer answer, Generated token);

    /** An answer is complete and scored. @throws SlayerException 408 if the client has left too much unread */
    void answer(AbAnswer answer);

    /** A variant takes no further part. */
    void failure(AbVariant variant, SlayerException error);

    /** A prompt, or everything, has been compared. */
    void summary(AbSummary summary);

    /** Whether the client keeps up: if not, the next prompt waits. */
    boolean ready();

    /** Nothing more comes. */
    void finish();

    /** Sends what there is. */
    void flush();

    /** Tells the client that the request failed. */
    void fail(Throwable cause);

    /** The connection is gone: frees what is left. */
    void release();
}
