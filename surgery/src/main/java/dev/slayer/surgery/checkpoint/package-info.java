/** Hugging Face checkpoints on disk: configuration and memory-mapped weights, read as hostile input. */
package dev.slayer.surgery.checkpoint;
