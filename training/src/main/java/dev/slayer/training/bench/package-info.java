/** How long training steps take. */
package dev.slayer.training.bench;
