package dev.slayer.clients;

/**
 * Tokens that a request used.
 *
 * @param promptTokens tokens of all prompts
 * @param completionTokens generated tokens of all choices
 * @param totalTokens their sum
 * @param promptTokensDetails more about the prompts; null if the server does not tell
 */
public record Usage(int promptTokens, int completionTokens, int totalTokens, PromptTokensDetails promptTokensDetails) {
    /**
     * More about the tokens of the prompts.
     *
     * @param cachedTokens those that the server did not have to compute
     */
    public record PromptTokensDetails(int cachedTokens) {}

    /** Prompt tokens that the server did not have to compute; 0 if it does not tell. */
    public int cachedTokens() {
        return promptTokensDetails == null ? 0 : promptTokensDetails.cachedTokens();
    }
}
