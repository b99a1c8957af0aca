package dev.slayer.server.jobs;

import java.security.SecureRandom;
import java.util.HexFormat;

/** Names that nobody else has, such as {@code file-1f0c...}: lower-case letters and digits, safe as names of files. */
final class Ids {
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final int BYTES = 12;

    private Ids() {}

    static String next(String prefix) {
        byte[] bytes = new byte[BYTES];
        RANDOM.nextBytes(bytes);
        return prefix + HexFormat.of().formatHex(bytes);
    }
}
