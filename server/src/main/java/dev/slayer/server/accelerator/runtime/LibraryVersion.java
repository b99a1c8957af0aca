package dev.slayer.server.accelerator.runtime;

import java.util.Comparator;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A version of ONNX Runtime, such as 1.29.0. */
public record LibraryVersion(int major, int minor, int patch) implements Comparable<LibraryVersion> {
    private static final Pattern FORM = Pattern.compile("(\\d{1,4})\\.(\\d{1,4})(?:\\.(\\d{1,4}))?");
    private static final Comparator<LibraryVersion> ORDER = Comparator.comparingInt(LibraryVersion::major)
            .thenComparingInt(LibraryVersion::minor)
            .thenComparingInt(LibraryVersion::patch);

    /** The first version in a text such as {@code VERS_1.29.0} or {@code libonnxruntime.so.1.29.0}, with two numbers at least. */
    public static Optional<LibraryVersion> in(String text) {
        Matcher found = FORM.matcher(text);
        if (!found.find()) {
            return Optional.empty();
        }
        return Optional.of(new LibraryVersion(
                Integer.parseInt(found.group(1)),
                Integer.parseInt(found.group(2)),
                found.group(3) == null ? 0 : Integer.parseInt(found.group(3))));
    }

    /** Whether it is this one or newer. */
    public boolean atLeast(int wantedMajor, int wantedMinor) {
        return major > wantedMajor || (major == wantedMajor && minor >= wantedMinor);
    }

    @Override
    public int compareTo(LibraryVersion other) {
        return ORDER.compare(this, other);
    }

    @Override
    public String toString() {
        return major + "." + minor + "." + patch;
    }
}
