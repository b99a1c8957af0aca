/** A training run from its recipe to its delta: steps, checkpoints, validation, metrics. */
package dev.slayer.training.run;
