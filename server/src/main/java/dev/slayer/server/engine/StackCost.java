package dev.slayer.server.engine;

/**
 * What a layout takes beyond the checkpoint's own weights.
 *
 * @param derivedBytes of the blocks made from recipes, shared with other layouts where recipes are equal
 * @param residentBytes of those that are in memory now
 * @param kvBytesPerToken of keys and values, for each token of a sequence
 */
public record StackCost(long derivedBytes, long residentBytes, long kvBytesPerToken) {}
