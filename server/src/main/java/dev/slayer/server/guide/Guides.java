package dev.slayer.server.guide;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.slayer.server.text.Vocabulary;
import dev.slayer.surgery.SlayerException;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.WeakHashMap;

/**
 * Compiles constraints, and keeps those that were used last. Thread-safe. Compiling may take some tenths of a second, so it belongs on a
 * worker thread; hostile constraints are refused by their size, the number of their states, or the work that they make.
 */
public final class Guides {
    private static final int MOST_CHOICES = 10_000;
    private static final int LONGEST_CHOICES = 1 << 18; // characters of all together
    private static final int LONGEST_SCHEMA = 1 << 18;
    private static final int DEEPEST_SCHEMA = 100;
    /** Kept guides, and nodes of all of them together; for each vocabulary. */
    private static final int MOST_KEPT = 32;

    private static final int MOST_NODES_KEPT = 500_000;

    private static final JsonMapper JSON = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(DEEPEST_SCHEMA)
                            .maxNumberLength(100)
                            .build())
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .build();

    private final Map<Vocabulary, Compiled> vocabularies = new WeakHashMap<>();

    /** What belongs to one vocabulary; it must not hold on to that. */
    private static final class Compiled {
        private final VocabularyTrie trie;
        private final Map<Constraint, Guide> guides = new LinkedHashMap<>(16, 0.75f, true);
        private long nodes;

        Compiled(VocabularyTrie trie) {
            this.trie = trie;
        }

        synchronized Guide get(Constraint constraint) {
            return guides.get(constraint);
        }

        synchronized Guide put(Constraint constraint, Guide guide) {
            Guide earlier = guides.putIfAbsent(constraint, guide);
            if (earlier != null) {
                return earlier;
            }
            nodes += guide.size();
            Iterator<Guide> eldest = guides.values().iterator();
            while (guides.size() > 1 && (guides.size() > MOST_KEPT || nodes > MOST_NODES_KEPT)) {
                nodes -= eldest.next().size();
                eldest.remove();
            }
            return guide;
        }
    }

    /**
     * The guide of a constraint.
     *
     * @param param the request's field, for messages
     * @throws SlayerException 400 saying what of the constraint cannot be
     */
    public Guide compile(Vocabulary vocabulary, String param, Constraint constraint) {
        Compiled compiled = compiled(vocabulary);
        Guide kept = compiled.get(constraint);
        if (kept != null) {
            return kept;
        }
        try {
            Guide guide = new Guide(grammar(constraint), compiled.trie);
            guide.begin(false).exhausted(); // the first mask, before the engine asks for it
            return compiled.put(constraint, guide);
        } catch (ConstraintException e) {
            String code = e.isUnsupported() ? "unsupported_value" : "invalid_value";
            throw new SlayerException(400, code, param, param + " " + e.getMessage() + ".", e);
        }
    }

    private Compiled compiled(Vocabulary vocabulary) {
        synchronized (vocabularies) {
            return vocabularies.computeIfAbsent(vocabulary, v -> new Compiled(new VocabularyTrie(v)));
        }
    }

    private static Grammar grammar(Constraint constraint) {
        return switch (constraint) {
            case Constraint.Choice(List<String> choices) -> choice(choices);
            case Constraint.Regex(String pattern) -> regex(pattern);
            case Constraint.JsonObject() -> JsonSchema.anyObject();
            case Constraint.Schema(String json) -> JsonSchema.compile(schema(json), JsonSchema.LONGEST);
        };
    }

    private static Grammar choice(List<String> choices) {
        if (choices.isEmpty() || choices.size() > MOST_CHOICES) {
            throw ConstraintException.invalid("has " + choices.size() + " choices; allowed: 1 to " + MOST_CHOICES);
        }
        if (choices.stream().anyMatch(String::isEmpty)) {
            throw ConstraintException.invalid("has an empty choice; leave it out");
        }
        if (choices.stream().mapToLong(String::length).sum() > LONGEST_CHOICES) {
            throw ConstraintException.invalid("has choices of more than " + LONGEST_CHOICES + " characters together");
        }
        GrammarBuilder grammar = new GrammarBuilder();
        return grammar.finish(grammar.automaton(Automatons.oneOf(choices), Grammar.END));
    }

    private static Grammar regex(String pattern) {
        if (pattern.isEmpty()) {
            throw ConstraintException.invalid("is empty; leave it out");
        }
        GrammarBuilder grammar = new GrammarBuilder();
        return grammar.finish(grammar.automaton(Automatons.bytes(Regex.whole(pattern)), Grammar.END));
    }

    private static JsonNode schema(String json) {
        if (json.length() > LONGEST_SCHEMA) {
            throw ConstraintException.invalid("has " + json.length() + " characters; allowed: " + LONGEST_SCHEMA);
        }
        try {
            return JSON.readTree(json);
        } catch (JsonProcessingException e) {
            throw ConstraintException.invalid(
                    "is not valid JSON, or nested deeper than " + DEEPEST_SCHEMA + " levels", e);
        }
    }
}
