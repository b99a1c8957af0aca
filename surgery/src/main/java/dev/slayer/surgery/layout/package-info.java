/** Layouts: which layers, in which order, make a model. */
package dev.slayer.surgery.layout;
