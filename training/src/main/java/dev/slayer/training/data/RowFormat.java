package dev.slayer.training.data;

import java.util.Arrays;
import java.util.stream.Collectors;

/** How a row's fields make a document. Without a named format the first good row of a source decides, in the order of this list. */
public enum RowFormat {
    /** OpenAI's {@code messages}: a list of {@code role}, {@code content}, and {@code weight} (0 or 1) where an answer is not learned. */
    MESSAGES("messages"),
    /** ShareGPT and OpenOrca: {@code conversations}, a list of {@code from} (system, human, gpt and synonyms), {@code value}, {@code weight}. */
    CONVERSATIONS("conversations"),
    /** Alpaca: {@code instruction}, {@code input} (may be absent or empty), {@code output}; {@code system} where there is one. */
    ALPACA("alpaca"),
    /** {@code prompt} and {@code completion}, one text without a chat template; the completion is learned. */
    PROMPT_COMPLETION("prompt-completion"),
    /** {@code query} (MetaMath) or {@code question} (OpenOrca), {@code response}; {@code system_prompt} where there is one. */
    QUERY_RESPONSE("query-response"),
    /** {@code text}; of a .txt file the file. All is learned. */
    TEXT("text"),
    /** Only .txt files, and only if named: each paragraph, ended by a blank line, is a document. All is learned. */
    PARAGRAPHS("paragraphs");

    private final String text;

    RowFormat(String text) {
        this.text = text;
    }

    /**
     * The format of a name as recipes write it.
     *
     * @throws dev.slayer.surgery.SlayerException 400 with the allowed names
     */
    public static RowFormat of(String name) {
        for (RowFormat format : values()) {
            if (format.text.equals(name)) {
                return format;
            }
        }
        String known = Arrays.stream(values()).map(RowFormat::toString).collect(Collectors.joining(", "));
        throw Refusal.of("format", "format '" + name + "' is unknown; known are " + known);
    }

    /** Whether rows are conversations, which need a chat template. */
    boolean chats() {
        return switch (this) {
            case MESSAGES, CONVERSATIONS, ALPACA, QUERY_RESPONSE -> true;
            case PROMPT_COMPLETION, TEXT, PARAGRAPHS -> false;
        };
    }

    @Override
    public String toString() {
        return text;
    }
}
