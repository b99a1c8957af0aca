package dev.slayer.server.text;

import dev.slayer.surgery.SlayerException;
import java.time.Clock;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A chat template that Jinjava renders. */
record JinjavaTemplate(String source, String bosToken, String eosToken, TemplateEngine engine) implements ChatTemplate {
    private static final TemplateEngine ENGINE = new TemplateEngine(Clock.system(ZoneId.systemDefault()));

    /**
     * Put behind the final message and searched in what the template made of it, as transformers does: where it is found, the
     * prompt ends. The space tells whether the template trims the message.
     */
    private static final String MARK = "CONTINUE_FINAL_MESSAGE_TAG ";

    /** Templates ask whether these are defined; to Jinjava functions are no variables. */
    private static final Map<String, Object> FUNCTIONS = Map.of("strftime_now", true, "raise_exception", true);

    JinjavaTemplate(String source, String bosToken, String eosToken) {
        this(source, bosToken, eosToken, ENGINE);
    }

    @Override
    public String render(
            List<Map<String, Object>> messages,
            boolean addGenerationPrompt,
            boolean continueFinalMessage,
            Map<String, Object> variables) {
        if (addGenerationPrompt && continueFinalMessage) {
            throw SlayerException.badRequest(
                    "continue_final_message",
                    "'continue_final_message' and 'add_generation_prompt' exclude each other; set one of them to false");
        }
        List<Map<String, Object>> shown = new ArrayList<>(messages);
        String last = null;
        if (continueFinalMessage) {
            last = finalText(messages);
            shown.set(shown.size() - 1, marked(messages.getLast()));
        }
        Map<String, Object> all = new HashMap<>(FUNCTIONS);
        if (bosToken != null) {
            all.put("bos_token", bosToken);
        }
        if (eosToken != null) {
            all.put("eos_token", eosToken);
        }
        all.putAll(variables);
        all.put("messages", shown);
        all.put("add_generation_prompt", addGenerationPrompt);
        String rendered;
        try {
            rendered = engine.render(source, all);
        } catch (TemplateRefusal e) {
            throw new SlayerException(400, "invalid_value", "messages", e.getMessage(), e);
        }
        return continueFinalMessage ? cut(rendered, last) : rendered;
    }

    private static SlayerException cannotContinue(String reason) {
        return SlayerException.badRequest("continue_final_message", "The final message cannot be continued: " + reason);
    }

    private static String finalText(List<Map<String, Object>> messages) {
        if (messages.isEmpty()) {
            throw cannotContinue("there are no messages.");
        }
        Object content = messages.getLast().get("content");
        return switch (content) {
            case String text -> text;
            case List<?> parts -> {
                int at = lastTextPart(parts);
                if (at < 0) {
                    throw cannotContinue("it has no text part.");
                }
                yield String.valueOf(((Map<?, ?>) parts.get(at)).get("text"));
            }
            case null, default -> throw cannotContinue("it has no text in 'content'.");
        };
    }

    private static int lastTextPart(List<?> parts) {
        for (int i = parts.size() - 1; i >= 0; i--) {
            if (parts.get(i) instanceof Map<?, ?> part && part.get("text") instanceof String) {
                return i;
            }
        }
        return -1;
    }

    private static Map<String, Object> marked(Map<String, Object> message) {
        Map<String, Object> copy = new LinkedHashMap<>(message);
        if (message.get("content") instanceof List<?> parts) {
            List<Object> copies = new ArrayList<>(parts);
            int at = lastTextPart(parts);
            Map<Object, Object> part = new LinkedHashMap<>((Map<?, ?>) parts.get(at));
            part.put("text", part.get("text") + MARK);
            copies.set(at, part);
            copy.put("content", copies);
        } else {
            copy.put("content", message.get("content") + MARK);
        }
        return copy;
    }

    private static String cut(String rendered, String last) {
        int at = rendered.lastIndexOf(MARK.strip());
        if (at < 0 || !rendered.contains(last.strip())) {
            throw cannotContinue("the chat template does not show it as it is.");
        }
        String before = rendered.substring(0, at);
        return rendered.startsWith(MARK, at)
                ? before
                : (String) PythonMethods.ofString(before, "rstrip", new Object[0]);
    }
}
