package dev.slayer.surgery.layout;

/** How the weights of a block come about. Equal recipes give equal weights, so blocks are shared by recipe. */
public sealed interface Recipe {
    /** Canonical text, as in the layout grammar of docs/decisions.md. */
    String text();

    /** A layer of the checkpoint as it is; costs no memory beyond the checkpoint's own. */
    record Plain(int layer) implements Recipe {
        /** @throws IllegalArgumentException if the layer is negative */
        public Plain {
            if (layer < 0) {
                throw new IllegalArgumentException("layer=" + layer + " is negative");
            }
        }

        @Override
        public String text() {
            return Integer.toString(layer);
        }
    }
}
