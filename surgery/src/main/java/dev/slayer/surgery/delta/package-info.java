/** What training leaves: the trained tensors of a layout, where they came from, and how they become a model again. */
package dev.slayer.surgery.delta;
