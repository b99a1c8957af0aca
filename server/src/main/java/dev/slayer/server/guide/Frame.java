package dev.slayer.server.guide;

/** Where a machine goes on when the rule that it is in ends: a linked stack, shared and immutable; null is the empty one. */
final class Frame {
    final int node;
    final Frame below;
    /** Number of frames, this one included. */
    final int height;

    private final int hash;

    Frame(int node, Frame below) {
        this.node = node;
        this.below = below;
        this.height = height(below) + 1;
        this.hash = 31 * (below == null ? 1 : below.hash) + node;
    }

    static int height(Frame frame) {
        return frame == null ? 0 : frame.height;
    }

    @Override
    public boolean equals(Object object) {
        if (!(object instanceof Frame other) || hash != other.hash || height != other.height) {
            return false;
        }
        Frame mine = this;
        Frame theirs = other;
        while (mine != theirs) { // equal heights: both reach null together
            if (mine.node != theirs.node) {
                return false;
            }
            mine = mine.below;
            theirs = theirs.below;
        }
        return true;
    }

    @Override
    public int hashCode() {
        return hash;
    }
}
