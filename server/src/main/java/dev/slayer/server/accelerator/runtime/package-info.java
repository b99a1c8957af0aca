/**
 * Finds a build of ONNX Runtime for CUDA on this machine and what it needs: libraries, their versions, the driver. Reads files and
 * starts nothing before all is there.
 */
package dev.slayer.server.accelerator.runtime;
