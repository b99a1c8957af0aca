/** What the training module needs of libtorch beyond its tensors: its start, its threads, and tensors over memory of Java. */
package dev.slayer.training.torch;
