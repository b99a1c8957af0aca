package dev.slayer.server.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LengthsTest {
    @Test
    void everyLengthOfAListAndARangeIsDrawn() {
        Lengths lengths = parse("3, 8-10");
        SplittableRandom random = new SplittableRandom(1);
        assertThat(IntStream.range(0, 1000)
                        .map(i -> lengths.draw(random))
                        .distinct()
                        .sorted())
                .containsExactly(3, 8, 9, 10);
        assertThat(lengths.longest()).isEqualTo(10);
        assertThat(lengths.text()).isEqualTo("3,8-10");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ",", "0", "5-2", "-5", "1-", "a", "1.5", "9999999", "1,,2"})
    void whatIsNoListOfLengthsIsRefused(String text) {
        assertThatThrownBy(() -> parse(text)).isInstanceOf(IllegalArgumentException.class);
    }

    private static Lengths parse(String text) {
        return Lengths.type().parse(text, Path.of(""));
    }
}
