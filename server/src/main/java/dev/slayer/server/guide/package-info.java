/**
 * Constraints on generated text as masks over the vocabulary: regular expressions, choices, JSON and JSON Schema, compiled to a small
 * pushdown machine over bytes. Knows vocabularies, nothing of engines or HTTP; the only code that knows Lucene's automata.
 */
package dev.slayer.server.guide;
