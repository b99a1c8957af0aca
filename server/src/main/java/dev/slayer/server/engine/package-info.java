/** The engine: blocks, KV, scheduler, sampler, scoring. One thread owns the device; everybody else sends it messages. */
package dev.slayer.server.engine;
