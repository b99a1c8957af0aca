/** Training of inserted layers. Empty so far. */
package dev.slayer.training;
