package dev.slayer.server.engine;

import java.util.List;

/**
 * The longest beginning of a sequence that the prefix cache has; until the cache changes.
 *
 * @param columns one after the other, from the first token on
 * @param rows tokens that they cover; the last column perhaps in part
 */
record PrefixHit(List<PrefixColumn> columns, int rows) {
    static final PrefixHit NONE = new PrefixHit(List.of(), 0);

    /** Copies the first rows into a cache that has room for them. */
    void copyTo(Kv kv, int count) {
        for (PrefixColumn column : columns) {
            int here = Math.min(column.node.tokens.length, count - column.node.depth);
            if (here > 0) {
                column.copyTo(kv, here);
            }
        }
    }

    /** The score of a token among the rows. */
    TokenScore score(int token) {
        for (PrefixColumn column : columns) {
            if (token < column.node.depth + column.node.tokens.length) {
                return column.score(token - column.node.depth);
            }
        }
        throw new IllegalArgumentException("token " + token + " is not among the " + rows + " rows of this hit");
    }
}
