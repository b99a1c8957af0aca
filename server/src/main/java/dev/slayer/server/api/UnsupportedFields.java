package dev.slayer.server.api;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.surgery.SlayerException;
import java.util.List;

/**
 * Refuses fields that would change the answer and that this server does not know how to honour; an answer that silently ignores
 * them would be wrong. Unknown fields that change nothing are ignored.
 */
final class UnsupportedFields {
    private static final List<String> NEVER = List.of(
            "suffix",
            "functions",
            "audio",
            "prediction",
            "web_search_options",
            "prompt_embeds",
            "chat_template",
            "guided_grammar",
            "guided_whitespace_pattern",
            "allowed_token_ids",
            "bad_words",
            "logprob_token_ids");

    private UnsupportedFields() {}

    /** @throws SlayerException 400 naming the first such field */
    static void refuse(Fields fields) {
        for (String name : NEVER) {
            if (fields.get(name).filter(value -> !empty(value)).isPresent()) {
                throw unsupported(fields.pathOf(name), fields.pathOf(name) + " is not supported; leave it out.");
            }
        }
        if (fields.integer("best_of", 0, Integer.MAX_VALUE).orElse(1) > 1) {
            throw unsupported("best_of", "best_of over 1 is not supported; use n, and choose among the answers.");
        }
        if (fields.flag("use_beam_search", false)) {
            throw unsupported("use_beam_search", "use_beam_search is not supported; leave it out.");
        }
        for (Fields.Element modality : fields.array("modalities")) {
            if (!modality.text().equals("text")) {
                throw unsupported(modality.path(), modality.path() + " is not supported; allowed: text.");
            }
        }
        fields.get("tool_choice").ifPresent(choice -> {
            if (!choice.isTextual()
                    || !(choice.textValue().equals("none") || choice.textValue().equals("auto"))) {
                throw unsupported("tool_choice", "tool_choice cannot force a tool here; allowed: none, auto.");
            }
        });
    }

    private static boolean empty(JsonNode value) {
        return value.isContainerNode()
                ? value.isEmpty()
                : value.isTextual() && value.textValue().isEmpty();
    }

    private static SlayerException unsupported(String param, String message) {
        return new SlayerException(400, "unsupported_value", param, message, null);
    }
}
