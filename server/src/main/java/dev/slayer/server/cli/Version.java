package dev.slayer.server.cli;

/** The version of this build. */
public final class Version {
    private Version() {}

    /** As the jar's manifest says; {@code development} when the classes do not come from a jar. */
    public static String current() {
        String version = Version.class.getPackage().getImplementationVersion();
        return version == null ? "development" : version;
    }
}
