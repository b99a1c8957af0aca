/** Recipes carried out: the weights of a block computed from layers of checkpoints. */
package dev.slayer.surgery.recipe;
