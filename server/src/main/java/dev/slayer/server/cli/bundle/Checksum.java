package dev.slayer.server.cli.bundle;

import java.io.OutputStream;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * A file's sum.
 *
 * @param file its name
 * @param sha256 64 hex digits
 */
record Checksum(String file, String sha256) {
    static Checksum of(String file, DigestOutputStream written) {
        return new Checksum(
                file, HexFormat.of().formatHex(written.getMessageDigest().digest()));
    }

    static Checksum of(String file, byte[] content) {
        return new Checksum(file, HexFormat.of().formatHex(digest().digest(content)));
    }

    static DigestOutputStream writing(OutputStream out) {
        return new DigestOutputStream(out, digest());
    }

    /** As {@code sha256sum -c} reads it. */
    String line() {
        return sha256 + "  " + file + "\n";
    }

    private static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
