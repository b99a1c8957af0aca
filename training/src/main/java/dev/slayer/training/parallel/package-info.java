/** Several processes that make a step together, over libtorch's Gloo. */
package dev.slayer.training.parallel;
