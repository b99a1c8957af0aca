package dev.slayer.server.cli.settings;

/** How much is logged. */
public enum LogLevel {
    ERROR,
    WARN,
    INFO,
    DEBUG,
    TRACE
}
