/** The load generator: puts a known load on a server and measures what its clients see. */
package dev.slayer.server.cli.bench;
