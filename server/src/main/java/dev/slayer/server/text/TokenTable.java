package dev.slayer.server.text;

import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;

/** A vocabulary held in arrays, one entry per id. */
final class TokenTable implements Vocabulary {
    private static final byte[] NOTHING = {};

    private final String[] pieces;
    private final byte[][] bytes;
    private final BitSet special;
    private final BitSet fallback;
    private final Map<String, Integer> ids = new HashMap<>();
    private final boolean dropsLeadingSpace;

    /** A table of {@code size} ids without entries, to be filled by {@link #put} before it is shared. */
    TokenTable(int size, boolean dropsLeadingSpace) {
        this.pieces = new String[size];
        this.bytes = new byte[size][];
        this.special = new BitSet(size);
        this.fallback = new BitSet(size);
        this.dropsLeadingSpace = dropsLeadingSpace;
    }

    void put(int token, String piece, byte[] text, boolean isSpecial, boolean isFallback) {
        pieces[token] = piece;
        bytes[token] = text;
        special.set(token, isSpecial);
        fallback.set(token, isFallback);
        ids.put(piece, token);
    }

    /** The id of an entry, spelled as in the file. */
    OptionalInt id(String piece) {
        Integer id = ids.get(piece);
        return id == null ? OptionalInt.empty() : OptionalInt.of(id);
    }

    @Override
    public int size() {
        return pieces.length;
    }

    @Override
    public byte[] bytes(int token) {
        byte[] found = token < bytes.length ? bytes[token] : null;
        return found == null ? NOTHING : found;
    }

    @Override
    public boolean special(int token) {
        return special.get(token);
    }

    @Override
    public String piece(int token) {
        String found = token < pieces.length ? pieces[token] : null;
        return found == null ? "" : found;
    }

    @Override
    public boolean fallbackByte(int token) {
        return fallback.get(token);
    }

    @Override
    public boolean dropsLeadingSpace() {
        return dropsLeadingSpace;
    }
}
