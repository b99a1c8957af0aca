package dev.slayer.server.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.surgery.SlayerException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ChatTemplateTest {
    private static final JsonNode CHATS = Golden.read("chat.json");
    private static final TemplateEngine ENGINE = new TemplateEngine(
            Clock.fixed(LocalDateTime.parse(CHATS.get("now").textValue()).toInstant(ZoneOffset.UTC), ZoneOffset.UTC));

    static Stream<String> templates() {
        return StreamSupport.stream(CHATS.get("templates").spliterator(), false)
                .map(t -> t.get("name").textValue());
    }

    private static JsonNode template(String name) {
        return StreamSupport.stream(CHATS.get("templates").spliterator(), false)
                .filter(t -> t.get("name").textValue().equals(name))
                .findFirst()
                .orElseThrow();
    }

    @ParameterizedTest
    @MethodSource("templates")
    void rendersAsTransformersDoes(String name) {
        JsonNode golden = template(name);
        ChatTemplate template = new JinjavaTemplate(
                golden.get("source").textValue(),
                golden.get("bos_token").textValue(),
                golden.get("eos_token").textValue(),
                ENGINE);
        for (JsonNode rendered : golden.get("rendered")) {
            JsonNode example = CHATS.get("cases").get(rendered.get("case").intValue());
            if (rendered.has("text")) {
                assertThat(render(template, example))
                        .as("%s, case %s", name, example)
                        .isEqualTo(rendered.get("text").textValue());
            } else {
                assertThatThrownBy(() -> render(template, example))
                        .as("%s, case %s", name, example)
                        .isInstanceOf(SlayerException.class)
                        .hasMessage(rendered.get("refused").textValue());
            }
        }
    }

    @Test
    void smallTemplatesRenderAsInJinja() {
        List<Map<String, Object>> messages = Golden.JSON.convertValue(
                CHATS.get("snippet_messages"), new TypeReference<List<Map<String, Object>>>() {});
        assertThat(CHATS.get("snippets").size()).isGreaterThanOrEqualTo(60);
        for (JsonNode snippet : CHATS.get("snippets")) {
            String source = snippet.get("source").textValue();
            assertThat(ChatTemplate.of(source, "<s>", "</s>").render(messages, false, false, Map.of()))
                    .as(source)
                    .isEqualTo(snippet.get("text").textValue());
        }
    }

    private static String render(ChatTemplate template, JsonNode example) {
        List<Map<String, Object>> messages =
                Golden.JSON.convertValue(example.get("messages"), new TypeReference<List<Map<String, Object>>>() {});
        Map<String, Object> variables = example.has("variables")
                ? Golden.JSON.convertValue(example.get("variables"), new TypeReference<Map<String, Object>>() {})
                : Map.of();
        return template.render(
                messages,
                example.path("add_generation_prompt").asBoolean(false),
                example.path("continue_final_message").asBoolean(false),
                variables);
    }

    private static String render(String source) {
        return ChatTemplate.of(source, "<s>", "</s>").render(user("hi"), false, false, Map.of());
    }

    private static List<Map<String, Object>> user(String content) {
        return List.of(Map.of("role", "user", "content", content));
    }

    @Test
    void messagesAreValuesAndNeverTemplates() {
        ChatTemplate template = ChatTemplate.of("{% for m in messages %}{{ m.content }}{% endfor %}", null, null);
        String hostile = "{{ bos_token }}{% for i in range(9) %}x{% endfor %}{# gone #}";
        assertThat(template.render(user(hostile), false, false, Map.of())).isEqualTo(hostile);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ ''.getClass() }}",
                "{{ messages.getClass().forName('java.lang.Runtime') }}",
                "{{ messages[0].content.getBytes() }}",
                "{{ ''['class'].classLoader.name }}",
                "{{ ____int3rpr3t3r____.getContext() }}",
                "{{ ____int3rpr3t3r____.config.maxOutputSize }}",
                "{{ messages.clear() }}",
                "{% include 'pom.xml' %}",
                "{% import '/etc/passwd' as p %}",
                "{% from 'a' import b %}",
                "{% extends 'a' %}"
            })
    void nothingOutsideTheConversationCanBeReached(String source) {
        String shown;
        try {
            shown = render(source);
        } catch (SlayerException refused) {
            assertThat(refused.status()).isEqualTo(400);
            return;
        }
        assertThat(shown).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{{ a }}{% endfor %}{% endfor %}{% endfor %}",
                "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}",
                "{% set ns = namespace(x='aaaaaaaaaa') %}{% for a in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}",
                "{% macro f(x) %}{{ f(x) }}{{ f(x) }}{% endmacro %}{{ f(1) }}",
                "{% for a in range(99999) %}{{ messages[0].content ~ 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' * 99 }}{% endfor %}"
            })
    void endlessTemplatesAreStopped(String source) {
        Instant start = Instant.now();
        assertThatThrownBy(() -> render(source)).isInstanceOf(SlayerException.class);
        assertThat(Duration.between(start, Instant.now())).isLessThan(Duration.ofSeconds(60));
    }

    @Test
    void malformedTemplatesAreRefused() {
        for (String source :
                List.of("{% for m in messages %}", "{{ 1 + }}", "{% nonsense %}", "{{ " + "(".repeat(20_000))) {
            assertThatThrownBy(() -> render(source)).as(source).isInstanceOf(SlayerException.class);
        }
    }

    @Test
    void aGenerationPromptAndAContinuedMessageExcludeEachOther() {
        ChatTemplate template = ChatTemplate.of("{{ messages[0].content }}", null, null);
        assertThatThrownBy(() -> template.render(user("a"), true, true, Map.of()))
                .isInstanceOf(SlayerException.class)
                .hasMessageContaining("add_generation_prompt");
        assertThatThrownBy(() -> template.render(List.of(), false, true, Map.of()))
                .hasMessageContaining("no messages");
    }

    @Test
    void theLastTextPartOfAMessageIsContinued() {
        ChatTemplate template =
                ChatTemplate.of("{% for p in messages[0].content %}[{{ p.text }}]{% endfor %}<end>", null, null);
        List<Map<String, Object>> messages = List.of(Map.of(
                "role",
                "assistant",
                "content",
                List.of(Map.of("type", "text", "text", "one"), Map.of("type", "text", "text", "two "))));
        assertThat(template.render(messages, false, true, Map.of())).isEqualTo("[one][two ");
    }
}
