package dev.slayer.server.api;

import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Layout;

/**
 * A delta that layouts can take of.
 *
 * @param name as layouts call it
 * @param base name of the checkpoint that it was trained on
 * @param config of the base, with as many layers as the trained layout has slots
 * @param trained the layout that it was trained on
 * @param residency of the delta
 */
record ServedDelta(String name, String base, ModelConfig config, Layout trained, Residency residency) {}
