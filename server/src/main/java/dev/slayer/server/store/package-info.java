/** What survives a restart: named variants, in an embedded database under the data folder. Knows neither HTTP nor the engine. */
package dev.slayer.server.store;
