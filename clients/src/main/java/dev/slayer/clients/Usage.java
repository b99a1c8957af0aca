package dev.slayer.clients;

/**
 * Tokens that a request used.
 *
 * @param promptTokens tokens of all prompts
 * @param completionTokens generated tokens of all choices
 * @param totalTokens their sum
 */
public record Usage(int promptTokens, int completionTokens, int totalTokens) {}
