/** Training as the server does it: what connects the training module with the server's tokenizers. */
package dev.slayer.server.jobs;
