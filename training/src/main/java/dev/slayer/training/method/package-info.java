/** What of a model is trained: whole weights of slots, low-rank additions, or adapters; and the rules that only one of them has. */
package dev.slayer.training.method;
