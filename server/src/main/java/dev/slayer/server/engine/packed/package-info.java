/**
 * The engine on a device with memory of its own: weights, activations and KV stay there, weights are inputs of graphs that all blocks
 * share, and packed rows of any sequences go through a block in one run, attention included (PagedAttention).
 */
package dev.slayer.server.engine.packed;
