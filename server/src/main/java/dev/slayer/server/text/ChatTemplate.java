package dev.slayer.server.text;

import java.util.List;
import java.util.Map;

/**
 * A chat template in Jinja, as Hugging Face checkpoints carry it. Immutable and thread-safe.
 *
 * <p>Known differences from Jinja2, none of which known templates depend on: {@code none}, maps and lists are not printed as Python prints
 * them, {@code ~} writes truth values in lower case, the string {@code 'false'} counts as false, and {@code %} and {@code *} do not work
 * on strings.
 */
public interface ChatTemplate {
    /**
     * A template that renders with bounds on time, depth and output, and without access to files or Java classes.
     *
     * @param source Jinja text
     * @param bosToken value of {@code bos_token}, or null if the tokenizer has none
     * @param eosToken value of {@code eos_token}, or null
     */
    static ChatTemplate of(String source, String bosToken, String eosToken) {
        return new JinjavaTemplate(source, bosToken, eosToken);
    }

    /** The template's source. */
    String source();

    /**
     * The prompt of a conversation; equal to transformers' {@code apply_chat_template(..., tokenize=False)}.
     *
     * @param messages each with at least {@code role} and {@code content}; values are strings, lists or maps as in JSON
     * @param addGenerationPrompt end with the opening of an assistant turn
     * @param continueFinalMessage leave the last message open, so that generation continues it; excludes addGenerationPrompt
     * @param variables further variables of the template (chat_template_kwargs, tools, documents)
     * @throws dev.slayer.surgery.SlayerException 400 with the template's own message, if the template refuses the messages
     */
    String render(
            List<Map<String, Object>> messages,
            boolean addGenerationPrompt,
            boolean continueFinalMessage,
            Map<String, Object> variables);
}
