package dev.slayer.training.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** Rows' fields as documents. A field that is null counts as absent; fields that no format knows are ignored. */
final class FieldMapping {
    /** All fields that some format reads. */
    static final Set<String> FIELDS = Set.of(
            "text",
            "prompt",
            "completion",
            "instruction",
            "input",
            "output",
            "system",
            "query",
            "question",
            "response",
            "system_prompt",
            "conversations",
            "messages");

    private FieldMapping() {}

    /** The first format whose fields the row has. */
    static Optional<RowFormat> detect(JsonNode row) {
        for (RowFormat format : RowFormat.values()) {
            boolean fits = switch (format) {
                case MESSAGES -> row.path("messages").isArray();
                case CONVERSATIONS -> row.path("conversations").isArray();
                case ALPACA -> has(row, "instruction") && has(row, "output");
                case PROMPT_COMPLETION -> has(row, "prompt") && has(row, "completion");
                case QUERY_RESPONSE -> (has(row, "query") || has(row, "question")) && has(row, "response");
                case TEXT -> has(row, "text");
                case PARAGRAPHS -> false;
            };
            if (fits) {
                return Optional.of(format);
            }
        }
        return Optional.empty();
    }

    private static boolean has(JsonNode row, String field) {
        return row.path(field).isTextual();
    }

    /** The row's document; empty if it has a text of white space only, which is no fault. */
    static Optional<Document> document(RowFormat format, JsonNode row) throws BadRow {
        return switch (format) {
            case TEXT, PARAGRAPHS -> {
                String text = text(row, "text");
                yield text.isBlank() ? Optional.empty() : Optional.of(new Document.Text(text));
            }
            case PROMPT_COMPLETION ->
                Optional.of(new Document.Completion(text(row, "prompt"), answer(row, "completion")));
            case ALPACA -> Optional.of(alpaca(row));
            case QUERY_RESPONSE -> {
                String query = text(row, row.hasNonNull("query") ? "query" : "question");
                yield Optional.of(turn(optional(row, "system_prompt"), query, answer(row, "response")));
            }
            case CONVERSATIONS -> Optional.of(chat(row, "conversations", "from", "value"));
            case MESSAGES -> Optional.of(chat(row, "messages", "role", "content"));
        };
    }

    private static Document alpaca(JsonNode row) throws BadRow {
        String input = optional(row, "input");
        String instruction = text(row, "instruction");
        String question = input.isBlank() ? instruction : instruction + "\n\n" + input;
        return turn(optional(row, "system"), question, answer(row, "output"));
    }

    private static Document turn(String system, String question, String answer) throws BadRow {
        if (question.isBlank()) {
            throw new BadRow("has an empty question");
        }
        List<Message> messages = new ArrayList<>();
        if (!system.isBlank()) {
            messages.add(Message.system(system));
        }
        messages.add(Message.user(question));
        messages.add(Message.assistant(answer));
        return new Document.Chat(List.copyOf(messages));
    }

    private static Document chat(JsonNode row, String list, String from, String value) throws BadRow {
        JsonNode turns = row.path(list);
        if (!turns.isArray()) {
            throw new BadRow("has no list '" + list + "'");
        }
        List<Message> messages = new ArrayList<>();
        for (JsonNode turn : turns) {
            String role = role(text(turn, from));
            String content = content(turn, value);
            boolean learned = role.equals("assistant") && weight(turn);
            messages.add(new Message(role, content, learned));
        }
        if (messages.stream()
                .noneMatch(each -> each.learned() && !each.content().isBlank())) {
            throw new BadRow("has no assistant's answer to learn in '" + list + "'");
        }
        return new Document.Chat(List.copyOf(messages));
    }

    private static String role(String name) throws BadRow {
        return switch (name.toLowerCase(Locale.ROOT)) {
            case "system", "developer" -> "system";
            case "user", "human" -> "user";
            case "assistant", "gpt", "chatgpt", "model" -> "assistant";
            default -> throw new BadRow("has a turn by '" + clipped(name) + "'; known are system, user and assistant");
        };
    }

    /** A text, or OpenAI's list of parts, of which only texts can be learned. */
    private static String content(JsonNode turn, String field) throws BadRow {
        JsonNode parts = turn.path(field);
        if (!parts.isArray()) {
            return text(turn, field);
        }
        StringBuilder text = new StringBuilder();
        for (JsonNode part : parts) {
            if (!part.path("type").asText().equals("text")) {
                throw new BadRow("has a part of '" + field + "' that is no text");
            }
            text.append(text(part, "text"));
        }
        return text.toString();
    }

    private static boolean weight(JsonNode turn) throws BadRow {
        JsonNode weight = turn.path("weight");
        if (weight.isMissingNode() || weight.isNull()) {
            return true;
        }
        double value = weight.isNumber() ? weight.doubleValue() : Double.NaN;
        if (value != 0 && value != 1) {
            throw new BadRow("has weight " + clipped(weight.toString()) + "; known are 0 and 1");
        }
        return value == 1;
    }

    private static String answer(JsonNode row, String field) throws BadRow {
        String text = text(row, field);
        if (text.isBlank()) {
            throw new BadRow("has an empty '" + field + "'");
        }
        return text;
    }

    private static String optional(JsonNode row, String field) throws BadRow {
        return row.hasNonNull(field) ? text(row, field) : "";
    }

    private static String text(JsonNode row, String field) throws BadRow {
        JsonNode value = row.path(field);
        if (value.isMissingNode() || value.isNull()) {
            throw new BadRow("has no '" + field + "'");
        }
        if (!value.isTextual()) {
            throw new BadRow("has '" + field + "' of type "
                    + value.getNodeType().name().toLowerCase(Locale.ROOT) + ", not text");
        }
        return value.textValue();
    }

    private static String clipped(String text) {
        return text.length() > 40 ? text.substring(0, 40) + "..." : text;
    }
}
