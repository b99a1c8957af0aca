package dev.slayer.server.api;

import dev.slayer.server.engine.Engine;

/** What all event loops of a server share; every part is thread-safe. */
record ApiScope(
        ApiSettings settings,
        ModelDirectory models,
        Catalog catalog,
        Checkpoints checkpoints,
        Exports exports,
        Engine engine,
        ApiMetrics metrics,
        Traffic traffic) {}
