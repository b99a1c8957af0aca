package dev.slayer.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.slayer.server.golden.Golden;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads the folder docker as far as its tests need. */
final class DockerFiles {
    static final List<String> DOCKERFILES = List.of("Dockerfile", "Dockerfile.cuda");
    static final List<String> COMPOSE = List.of("compose.yaml", "compose.cuda.yaml");

    private DockerFiles() {}

    /** An instruction of a Dockerfile, continued lines joined: {@code COPY}, {@code server server}. */
    record Instruction(String name, String rest) {
        List<String> words() {
            return List.of(rest.split(" +"));
        }

        /** The words without options such as {@code --from}. */
        List<String> arguments() {
            return words().stream().filter(word -> !word.startsWith("--")).toList();
        }
    }

    static Path folder() {
        return Golden.root().resolve("docker");
    }

    static String text(String file) {
        try {
            return Files.readString(folder().resolve(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static JsonNode json(String file) {
        try {
            ObjectMapper mapper = file.endsWith(".json") ? new ObjectMapper() : new YAMLMapper();
            return mapper.readTree(text(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static List<Instruction> instructions(String dockerfile) {
        List<Instruction> instructions = new ArrayList<>();
        String joined = text(dockerfile).replaceAll("(?m)^#.*\n", "").replaceAll("\\\\\n\\s*", "");
        for (String line : joined.split("\n")) {
            if (!line.isBlank()) {
                int space = line.indexOf(' ');
                instructions.add(new Instruction(
                        line.substring(0, space), line.substring(space).strip()));
            }
        }
        return instructions;
    }

    /** Those of an image's last stage. */
    static List<Instruction> lastStage(String dockerfile) {
        List<Instruction> all = instructions(dockerfile);
        int from = 0;
        for (int i = 0; i < all.size(); i++) {
            from = all.get(i).name().equals("FROM") ? i : from;
        }
        return all.subList(from, all.size());
    }

    /** The variables that an image sets. */
    static Map<String, String> environment(String dockerfile) {
        Map<String, String> environment = new LinkedHashMap<>();
        lastStage(dockerfile).stream()
                .filter(instruction -> instruction.name().equals("ENV"))
                .flatMap(instruction -> instruction.words().stream())
                .map(word -> word.split("=", 2))
                .forEach(pair -> environment.put(pair[0], pair[1]));
        return environment;
    }

    /** Words of a JSON or YAML list. */
    static List<String> words(JsonNode list) {
        List<String> words = new ArrayList<>();
        list.forEach(word -> words.add(word.asText()));
        return words;
    }

    /** The words behind the image's name in the README's {@code docker run} commands. */
    static List<List<String>> shownCommands() {
        return text("README.md")
                .replaceAll("\\\\\n\\s*", "")
                .lines()
                .filter(line -> line.startsWith("docker run "))
                .map(line -> line.replaceFirst(".* slayer(-cuda)?:\\S+ ?", ""))
                .map(rest -> Arrays.stream(rest.split(" +"))
                        .filter(word -> !word.isEmpty())
                        .toList())
                .toList();
    }
}
