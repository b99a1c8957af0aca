package dev.slayer.server.engine.block;

/**
 * A final norm and a head.
 *
 * @param norm id of the checkpoint whose final norm it is
 * @param head id of the checkpoint whose matrix it is
 * @param tensor name of that matrix there: the embedding's where the two are tied
 */
record HeadKey(long norm, long head, String tensor, boolean derived) implements PartKey {
    @Override
    public boolean uses(long checkpoint) {
        return norm == checkpoint || head == checkpoint;
    }
}
