package dev.slayer.server.guide;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.BooleanNode;
import dev.slayer.server.text.Tokenizer;
import dev.slayer.surgery.SlayerException;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.NotEmpty;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;

class GuidesTest {
    private static final Tokenizer BYTES = Walks.TOKENIZERS.getFirst();

    @Property(tries = 200)
    void oneOfTheChoicesIsGenerated(
            @ForAll @Size(min = 1, max = 6) List<@NotEmpty @StringLength(max = 8) String> drawn, @ForAll long seed) {
        List<String> choices = drawn.stream()
                .map(text -> text.codePoints()
                        .map(c -> Character.getType(c) == Character.SURROGATE ? '?' : c)
                        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                        .toString())
                .toList();
        Constraint choice = new Constraint.Choice(choices);
        for (Tokenizer tokenizer : Walks.TOKENIZERS) {
            assertThat(Walks.random(tokenizer, choice, new Random(seed))).isIn(choices);
            String one = choices.get((int) Math.floorMod(seed, (long) choices.size()));
            assertThat(Walks.accepts(tokenizer, choice, one, new Random(seed))).isTrue();
        }
    }

    @Test
    void theTextMayEndExactlyWhereItIsCompleteAndEndsWhereNothingCanFollow() {
        GuideState state =
                Walks.guide(BYTES, new Constraint.Choice(List.of("a", "abc"))).begin(false);
        assertThat(state.mayEnd()).isFalse();
        state.advance('a');
        assertThat(state.mayEnd()).isTrue();
        assertThat(state.exhausted()).isFalse();
        state.advance('b');
        assertThat(state.mayEnd()).isFalse();
        state.advance('c');
        assertThat(state.exhausted()).isTrue();
    }

    @Test
    void endsKeepTheirLogitsWhereTheTextIsCompleteOnly() {
        int eos = BYTES.eosTokenId().orElseThrow();
        int vocabulary = BYTES.vocabulary().size() + 4; // models pad
        GuideState state = Walks.guide(BYTES, new Constraint.Regex("ab*")).begin(false);
        assertThat(left(state, vocabulary, Set.of(eos))).containsExactly((int) 'a');
        state.advance('a');
        assertThat(left(state, vocabulary, Set.of(eos))).containsExactlyInAnyOrder((int) 'b', eos);
        assertThat(left(state, vocabulary, Set.of())).containsExactly((int) 'b');
    }

    private static List<Integer> left(GuideState state, int vocabulary, Set<Integer> ends) {
        float[] logits = new float[vocabulary];
        state.restrict(logits, vocabulary, ends);
        return IntStream.range(0, vocabulary)
                .filter(token -> logits[token] > Float.NEGATIVE_INFINITY)
                .boxed()
                .toList();
    }

    @Test
    void aModelThatCannotSpellTheNextByteIsToldSo() {
        GuideState state = Walks.guide(BYTES, new Constraint.Regex("z")).begin(false);
        assertThatThrownBy(() -> state.restrict(new float[16], 16, Set.of()))
                .isInstanceOfSatisfying(
                        SlayerException.class, e -> assertThat(e.code()).isEqualTo("constraint_dead_end"));
    }

    @Test
    void aTokenThatIsNotAllowedIsADefect() {
        GuideState state = Walks.guide(BYTES, new Constraint.Regex("ab")).begin(false);
        assertThatThrownBy(() -> state.advance('b')).isInstanceOf(SlayerException.class);
    }

    @Test
    void equalConstraintsShareAGuideAndTheLeastUsedAreForgotten() {
        Guides guides = new Guides();
        Guide first = compile(guides, "a");
        assertThat(compile(guides, "a")).isSameAs(first);
        IntStream.range(0, 31).forEach(i -> compile(guides, "b" + i));
        assertThat(compile(guides, "a")).isSameAs(first);
        IntStream.range(0, 32).forEach(i -> compile(guides, "c" + i));
        assertThat(compile(guides, "a")).isNotSameAs(first);
    }

    private static Guide compile(Guides guides, String regex) {
        return guides.compile(BYTES.vocabulary(), "guided_regex", new Constraint.Regex(regex));
    }

    @Test
    void hostileConstraintsAreRefusedByALimitThatTheMessageNames() {
        assertRefused(new Constraint.Regex("(a{1000}){1000}"), "more than 10000 states");
        assertRefused(new Constraint.Regex(""), "is empty");
        assertRefused(new Constraint.Choice(List.of()), "allowed: 1 to 10000");
        assertRefused(new Constraint.Choice(Collections.nCopies(10_001, "a")), "allowed: 1 to 10000");
        assertRefused(new Constraint.Choice(List.of("a", "")), "empty choice");
        assertRefused(new Constraint.Choice(List.of("a".repeat(300_000))), "more than 262144 characters");
        assertRefused(new Constraint.Schema("{\"const\":\"" + "a".repeat(300_000) + "\"}"), "allowed: 262144");
        assertRefused(new Constraint.Schema("[".repeat(5_000)), "nested deeper than 100");
        assertRefused(
                new Constraint.Schema("{\"type\":\"string\",\"maxLength\":2000000000}"), "more than 200000 states");
        assertRefused(new Constraint.Schema("{\"type\":\"array\",\"minItems\":2000000000}"), "more than 200000 states");
        String enumeration = IntStream.range(0, 40_000)
                .mapToObj(i -> "\"" + i * 7919L % 99_991 + "\"")
                .collect(Collectors.joining(","));
        assertThat(guide(new Constraint.Schema(
                        "{\"enum\":[" + enumeration.substring(0, enumeration.lastIndexOf(',', 250_000)) + "]}")))
                .isNotNull();
        String chain = IntStream.range(0, 3_000)
                .mapToObj(i -> "\"d" + i + "\":{\"$ref\":\"#/$defs/d" + (i + 1) + "\"}")
                .collect(Collectors.joining(","));
        assertThat(guide(new Constraint.Schema("{\"$ref\":\"#/$defs/d0\",\"$defs\":{" + chain + ",\"d3000\":true}}")))
                .isNotNull();
        assertRefused(
                new Constraint.Schema("{\"$ref\":\"#/$defs/d0\",\"$defs\":{"
                        + chain.replace(":{\"$ref\"", ":{\"items\":{\"$ref\"").replace("\"}", "\"},\"minItems\":1}")
                        + ",\"d3000\":true}}"),
                "nested deeper than");
    }

    @Test
    void aSchemaThatTakesTooLongToCompileIsRefused() {
        assertThatThrownBy(() -> JsonSchema.compile(BooleanNode.TRUE, Duration.ofNanos(-1)))
                .isInstanceOf(ConstraintException.class)
                .hasMessageContaining("seconds to compile");
    }

    private static Guide guide(Constraint constraint) {
        return new Guides().compile(BYTES.vocabulary(), "field", constraint);
    }

    private static void assertRefused(Constraint constraint, String message) {
        assertThatThrownBy(() -> guide(constraint))
                .isInstanceOfSatisfying(SlayerException.class, e -> {
                    assertThat(e.status()).isEqualTo(400);
                    assertThat(e.param()).isEqualTo("field");
                })
                .hasMessageContaining(message);
    }

    @Test
    void recursionStopsWhereTheStackEndsAndCanStillBeClosed() {
        GuideState state = Walks.guide(BYTES, new Constraint.JsonObject()).begin(false);
        "{\"a\":".chars().forEach(state::advance);
        int depth = 0;
        while (state.allows('[')) {
            state.advance('[');
            depth++;
        }
        assertThat(depth).isBetween(40, Grammar.HIGHEST);
        for (; depth > 0; depth--) {
            assertThat(state.allows(']')).isTrue();
            state.advance(']');
        }
        state.advance('}');
        assertThat(state.exhausted()).isTrue();
    }

    @Test
    void anAmbiguousSchemaEndsItsSequenceAndNotTheServersPatience() {
        String alternatives = IntStream.range(0, 12)
                .mapToObj(i -> "{\"type\":\"array\",\"items\":{\"$ref\":\"#\"},\"title\":\"" + i + "\"}")
                .collect(Collectors.joining(","));
        GuideState state = guide(new Constraint.Schema("{\"anyOf\":[" + alternatives + "]}"))
                .begin(false);
        assertThatThrownBy(() -> {
                    for (int i = 0; i < 60; i++) {
                        state.allows('[');
                        state.advance('[');
                    }
                })
                .isInstanceOfSatisfying(
                        SlayerException.class, e -> assertThat(e.code()).isEqualTo("constraint_too_complex"));
    }
}
