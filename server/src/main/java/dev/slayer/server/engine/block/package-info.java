/**
 * Blocks on ONNX Runtime: the graphs of a decoder layer, their weights, and the runner that drives them. Knows graphs and
 * shapes; native calls are the onnx package's.
 */
package dev.slayer.server.engine.block;
