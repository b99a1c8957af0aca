/** What {@code slayer ab} asks for and prints. */
package dev.slayer.server.cli.ab;
