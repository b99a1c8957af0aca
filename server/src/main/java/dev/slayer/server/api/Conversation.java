package dev.slayer.server.api;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.server.text.ChatTemplate;
import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.StringJoiner;

/**
 * The part of a request that a chat template turns into a prompt.
 *
 * <p>Unless the request says otherwise, a conversation that ends with an assistant's message is continued there: evaluation
 * harnesses begin the answer that way and send no flag for it. {@code add_generation_prompt: true} opens a new turn instead.
 *
 * @param messages with content as plain text: parts of type text are joined
 * @param addGenerationPrompt open an assistant's turn
 * @param continueFinalMessage leave the last message open
 * @param variables of the template: chat_template_kwargs, tools, documents
 */
record Conversation(
        List<Map<String, Object>> messages,
        boolean addGenerationPrompt,
        boolean continueFinalMessage,
        Map<String, Object> variables) {
    private static final Set<String> ROLES =
            Set.of("system", "developer", "user", "assistant", "tool", "function", "ipython");

    /** @throws SlayerException 400 naming the field at fault */
    static Conversation read(Fields fields) {
        List<Map<String, Object>> messages = new ArrayList<>();
        for (Fields.Element element : fields.array("messages")) {
            messages.add(message(element.object()));
        }
        if (messages.isEmpty()) {
            throw SlayerException.badRequest("messages", "messages is missing or empty; give at least one message.");
        }
        Optional<Boolean> open = fields.flag("add_generation_prompt");
        Optional<Boolean> resume = fields.flag("continue_final_message");
        if (open.orElse(false) && resume.orElse(false)) {
            throw SlayerException.badRequest(
                    "continue_final_message",
                    "continue_final_message and add_generation_prompt exclude each other; set one of them.");
        }
        boolean resumes = resume.orElse(open.isEmpty() && endsWithOpenAnswer(messages));
        return new Conversation(messages, open.orElse(!resumes) && !resumes, resumes, variables(fields));
    }

    /** @throws SlayerException 400 if the model has no template, or if the template refuses the messages */
    String render(ServedModel model) {
        ChatTemplate template = model.tokenizer()
                .chatTemplate()
                .orElseThrow(() -> new SlayerException(
                        400,
                        "no_chat_template",
                        "messages",
                        "The model '" + model.name() + "' has no chat template; use /v1/completions.",
                        null));
        return template.render(messages, addGenerationPrompt, continueFinalMessage, variables);
    }

    private static boolean endsWithOpenAnswer(List<Map<String, Object>> messages) {
        Map<String, Object> last = messages.getLast();
        return last.get("role").equals("assistant")
                && !last.get("content").equals("")
                && !last.containsKey("tool_calls");
    }

    private static Map<String, Object> variables(Fields fields) {
        Map<String, Object> variables = new LinkedHashMap<>(fields.map("chat_template_kwargs"));
        boolean hidden = fields.text("tool_choice").orElse("auto").equals("none");
        for (String name : hidden ? List.of("documents") : List.of("documents", "tools")) {
            List<Object> items = new ArrayList<>();
            fields.array(name).forEach(element -> items.add(element.object().plain()));
            if (!items.isEmpty()) {
                variables.put(name, items);
            }
        }
        return variables;
    }

    private static Map<String, Object> message(Fields message) {
        Map<String, Object> result = new LinkedHashMap<>(message.plain());
        result.values().removeIf(value -> value == null);
        String role = message.text("role")
                .orElseThrow(() -> SlayerException.badRequest(
                        message.pathOf("role"), message.pathOf("role") + " is missing; user, for example."));
        if (!ROLES.contains(role)) {
            throw SlayerException.badRequest(
                    message.pathOf("role"),
                    message.pathOf("role") + "='" + Excerpt.of(role)
                            + "' is unknown; allowed: system, developer, user, assistant, tool.");
        }
        result.put("role", role);
        result.put("content", content(message));
        return result;
    }

    private static String content(Fields message) {
        String path = message.pathOf("content");
        JsonNode content = message.get("content").orElse(null);
        if (content == null) {
            if (message.text("role").orElse("").equals("assistant")) {
                return "";
            }
            throw SlayerException.badRequest(path, path + " is missing; give a string or text parts.");
        }
        if (!content.isArray()) {
            return Fields.text(content, path);
        }
        StringJoiner text = new StringJoiner("\n");
        for (Fields.Element element : message.array("content")) {
            Fields part = element.object();
            if (!part.text("type").orElse("text").equals("text")) {
                throw SlayerException.badRequest(
                        part.pathOf("type"), part.pathOf("type") + " is not supported; only text parts are.");
            }
            text.add(part.text("text")
                    .orElseThrow(() -> SlayerException.badRequest(
                            part.pathOf("text"), part.pathOf("text") + " is missing; give a string.")));
        }
        return text.toString();
    }
}
