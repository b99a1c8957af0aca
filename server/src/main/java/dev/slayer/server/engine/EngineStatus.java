package dev.slayer.server.engine;

/**
 * A snapshot of the engine.
 *
 * @param alive false once the engine thread has ended
 * @param running sequences that hold KV
 * @param waiting sequences in the queue
 * @param kvBytesUsed KV memory held by sequences
 * @param kvBytesLimit KV memory there may be
 */
public record EngineStatus(boolean alive, int running, int waiting, long kvBytesUsed, long kvBytesLimit) {}
