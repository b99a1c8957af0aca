/** Evaluation by lm-evaluation-harness: its Python environment, what it is told, and the table of what it found. */
package dev.slayer.server.cli.eval;
