package dev.slayer.server.api;

import dev.slayer.server.engine.Engine;
import dev.slayer.server.guide.Guides;

/** What all event loops of a server share; every part is thread-safe. */
record ApiScope(
        ApiSettings settings,
        ModelDirectory models,
        Catalog catalog,
        Checkpoints checkpoints,
        Deltas deltas,
        Exports exports,
        Engine engine,
        Guides guides,
        ApiMetrics metrics,
        Traffic traffic) {}
