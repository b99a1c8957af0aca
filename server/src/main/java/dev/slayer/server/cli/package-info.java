/** The command line: {@code serve} and {@code bench}. Reads settings, starts the server, tells the user. */
package dev.slayer.server.cli;
