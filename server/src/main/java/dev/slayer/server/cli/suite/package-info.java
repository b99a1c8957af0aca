/** The GPU suite: random checkpoints, physical limits, and what the engine and training reach of them on one device. */
package dev.slayer.server.cli.suite;
