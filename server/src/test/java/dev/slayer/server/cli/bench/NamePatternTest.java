package dev.slayer.server.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class NamePatternTest {
    @Test
    void aNameWithoutRangesIsItself() {
        assertThat(parse("big@remove=1,2").names()).containsExactly("big@remove=1,2");
    }

    @Test
    void aRangeStandsForEachOfItsNumbers() {
        assertThat(parse("big@insert={8-11}:average").names())
                .containsExactly(
                        "big@insert=8:average",
                        "big@insert=9:average",
                        "big@insert=10:average",
                        "big@insert=11:average");
    }

    @Test
    void severalRangesStandForEachCombinationTheLastChangingFastest() {
        assertThat(parse("m@remove={1-2},{5-7}").names())
                .containsExactly(
                        "m@remove=1,5", "m@remove=1,6", "m@remove=1,7", "m@remove=2,5", "m@remove=2,6", "m@remove=2,7");
    }

    @Test
    void whatIsNoRangeIsRefusedWithAReason() {
        assertThatThrownBy(() -> parse("m@remove={1,2}")).hasMessageContaining("write a range as {1-16}");
        assertThatThrownBy(() -> parse("{m@remove={1-2}")).hasMessageContaining("write a range as {1-16}");
        assertThatThrownBy(() -> parse("m@remove={2-1}")).hasMessageContaining("from 2 down to 1");
        assertThatThrownBy(() -> parse(" ")).hasMessageContaining("is empty");
    }

    @Test
    void tooManyNamesAreRefusedBeforeTheyAreMade() {
        assertThat(parse("{1-100}.{1-100}").names()).hasSize(10_000);
        assertThatThrownBy(() -> parse("{0-100}.{0-100}")).hasMessageContaining("allowed: 10000");
        assertThatThrownBy(() -> parse("{1-9999}".repeat(20))).hasMessageContaining("allowed: 10000");
    }

    private static NamePattern parse(String text) {
        return NamePattern.type().parse(text, Path.of(""));
    }
}
