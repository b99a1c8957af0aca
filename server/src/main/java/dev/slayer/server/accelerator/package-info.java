/**
 * Devices with memory of their own, without anything that computes: memory, copies, one queue. The only code that calls the CUDA
 * runtime. Knows neither models nor HTTP.
 */
package dev.slayer.server.accelerator;
