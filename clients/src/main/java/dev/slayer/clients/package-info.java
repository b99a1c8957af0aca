/** A small client of the server API, without dependencies beyond Jackson. */
package dev.slayer.clients;
