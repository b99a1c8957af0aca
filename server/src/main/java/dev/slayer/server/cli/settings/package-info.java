/** Every setting in one typed place: its name, type, default and sentence, and where its value comes from. */
package dev.slayer.server.cli.settings;
