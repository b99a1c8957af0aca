/** From gradients to new weights: AdamW, clipping, the learning rate's course. */
package dev.slayer.training.optimize;
