/**
 * Models in libtorch: the same layouts, recipes and checkpoints as {@code surgery} describes, as pure functions over tensors, and
 * the pass back through them, which stops at the lowest slot that is trained.
 */
package dev.slayer.training.model;
