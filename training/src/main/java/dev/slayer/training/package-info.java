/** Training of inserted layers on libtorch. */
package dev.slayer.training;
