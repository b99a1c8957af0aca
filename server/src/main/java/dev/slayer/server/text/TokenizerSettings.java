package dev.slayer.server.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.slayer.surgery.checkpoint.CheckpointException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What tokenizer_config.json and chat_template.jinja say, as far as it is used here.
 *
 * @param bosToken text of the BOS token, or null
 * @param eosToken text of the EOS token, or null
 * @param padToken text of the padding token, or null
 * @param chatTemplate source of the chat template, or null
 */
record TokenizerSettings(String bosToken, String eosToken, String padToken, String chatTemplate) {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int MAX_BYTES = 4 << 20;
    private static final String DEFAULT_TEMPLATE = "default";

    static TokenizerSettings load(Path checkpointDirectory) {
        Path file = checkpointDirectory.resolve("tokenizer_config.json");
        JsonNode settings = Files.exists(file) ? parse(file) : JSON.createObjectNode();
        return new TokenizerSettings(
                token(file, settings, "bos_token"),
                token(file, settings, "eos_token"),
                token(file, settings, "pad_token"),
                template(checkpointDirectory, file, settings).orElse(null));
    }

    private static JsonNode parse(Path file) {
        try {
            JsonNode settings = JSON.readTree(TextFiles.read(file, MAX_BYTES));
            if (!settings.isObject()) {
                throw new CheckpointException(file, "must hold one JSON object");
            }
            return settings;
        } catch (IOException e) {
            throw new CheckpointException(file, "is not valid JSON: " + TextFiles.problem(e), e);
        }
    }

    /** A token is a string, or an object with its string as {@code content}. */
    private static String token(Path file, JsonNode settings, String name) {
        JsonNode value = settings.path(name);
        JsonNode text = value.isObject() ? value.path("content") : value;
        if (text.isMissingNode() || text.isNull()) {
            return null;
        }
        if (!text.isTextual()) {
            throw new CheckpointException(file, "'" + name + "' must be a string or an object with a string 'content'");
        }
        return text.textValue();
    }

    /** The file wins over the setting; of several named templates the default one counts. */
    private static Optional<String> template(Path directory, Path file, JsonNode settings) {
        Path separate = directory.resolve("chat_template.jinja");
        if (Files.exists(separate)) {
            return Optional.of(TextFiles.readText(separate, MAX_BYTES));
        }
        JsonNode value = settings.path("chat_template");
        if (value.isMissingNode() || value.isNull()) {
            return Optional.empty();
        }
        if (value.isTextual()) {
            return Optional.of(value.textValue());
        }
        for (JsonNode named : value) {
            if (DEFAULT_TEMPLATE.equals(named.path("name").textValue())
                    && named.path("template").isTextual()) {
                return Optional.of(named.path("template").textValue());
            }
        }
        throw new CheckpointException(
                file,
                "'chat_template' must be a string, or a list of named templates of which one is called 'default'");
    }

    /** The same as clients get it; absent values are null. */
    Map<String, Object> info() {
        Map<String, Object> info = new LinkedHashMap<>();
        info.put("bos_token", bosToken);
        info.put("eos_token", eosToken);
        info.put("pad_token", padToken);
        info.put("chat_template", chatTemplate);
        return Collections.unmodifiableMap(info);
    }
}
