package dev.slayer.server.cli.settings;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A YAML file of settings: one mapping from names to scalars, or to lists where a setting may be repeated.
 *
 * @param path the file
 * @param values texts by name, not yet read as the setting's type
 */
public record SettingFile(Path path, Map<String, List<String>> values) {
    private static final int MAX_BYTES = 1 << 20;
    private static final ObjectMapper YAML = new ObjectMapper(YAMLFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build());

    public SettingFile {
        path = path.toAbsolutePath();
        values = Map.copyOf(values);
    }

    /** The folder that relative paths in the file start from: the file's own. */
    public Path folder() {
        return path.getParent();
    }

    /**
     * Reads a file.
     *
     * @param known all settings that may occur
     * @throws SlayerException 400 if it cannot be read, is no such mapping, or has a key that is no setting
     */
    public static SettingFile read(Path path, List<Setting<?>> known) {
        JsonNode root = tree(path);
        Map<String, List<String>> values = new LinkedHashMap<>();
        if (root.isNull() || root.isMissingNode()) {
            return new SettingFile(path, values);
        }
        if (!root.isObject()) {
            throw refused(path, "is no mapping of settings; expected lines like 'port: 8000'", null);
        }
        for (Map.Entry<String, JsonNode> entry : root.properties()) {
            Setting<?> setting = named(path, entry.getKey(), known);
            values.put(setting.name(), texts(path, setting, entry.getValue()));
        }
        return new SettingFile(path, values);
    }

    private static JsonNode tree(Path path) {
        byte[] bytes;
        try (InputStream in = Files.newInputStream(path)) {
            bytes = in.readNBytes(MAX_BYTES + 1);
        } catch (NoSuchFileException e) {
            throw refused(path, "does not exist", e);
        } catch (IOException e) {
            throw refused(path, "cannot be read: " + e, e);
        }
        if (bytes.length > MAX_BYTES) {
            throw refused(path, "is longer than 1 MiB, which no file of settings is", null);
        }
        try {
            return YAML.readTree(bytes);
        } catch (JsonProcessingException e) {
            String line =
                    e.getLocation() == null ? "" : " at line " + e.getLocation().getLineNr();
            throw refused(path, "is no valid YAML" + line + ": " + firstLine(e.getOriginalMessage()), e);
        } catch (IOException e) {
            throw refused(path, "cannot be read: " + e, e);
        }
    }

    private static Setting<?> named(Path path, String key, List<Setting<?>> known) {
        return known.stream()
                .filter(setting -> setting.name().equals(key))
                .findFirst()
                .orElseThrow(() -> refused(
                        path,
                        "has the unknown key '" + key + "'"
                                + Nearest.to(
                                                key,
                                                known.stream()
                                                        .map(Setting::name)
                                                        .toList())
                                        .map(name -> "; did you mean '" + name + "'?")
                                        .orElse("; see ./slayer serve --help for all settings"),
                        null));
    }

    private static List<String> texts(Path path, Setting<?> setting, JsonNode value) {
        if (isScalar(value)) {
            return List.of(value.asText());
        }
        if (!value.isArray() || !setting.repeatable()) {
            throw refused(path, "has no usable value for '" + setting.name() + "'; expected " + form(setting), null);
        }
        List<String> texts = new ArrayList<>();
        for (JsonNode item : value) {
            if (!isScalar(item)) {
                throw refused(
                        path, "has an unusable item in '" + setting.name() + "'; expected " + form(setting), null);
            }
            texts.add(item.asText());
        }
        return texts;
    }

    private static boolean isScalar(JsonNode value) {
        return value.isValueNode() && !value.isNull() && !value.asText().isBlank();
    }

    private static String form(Setting<?> setting) {
        return setting.repeatable() ? "one value or a list of values" : "one value";
    }

    private static String firstLine(String message) {
        return message.lines().findFirst().orElse("").strip();
    }

    private static SlayerException refused(Path path, String problem, Throwable cause) {
        String end = problem.endsWith("?") ? "" : ".";
        return new SlayerException(400, "invalid_value", "--config", "--config: " + path + " " + problem + end, cause);
    }
}
