/** Training from the command line: progress, and what several runs came to. */
package dev.slayer.server.cli.train;
