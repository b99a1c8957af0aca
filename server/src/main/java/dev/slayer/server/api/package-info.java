/** The HTTP API: routes, the OpenAI shapes, streaming. The only code that knows Vert.x. */
package dev.slayer.server.api;
