package dev.slayer.server.cli.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.server.engine.block.WeightType;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SettingTypeTest {
    private static final Path HERE = Path.of("/folder");

    @ParameterizedTest
    @CsvSource({
        "0B, 0",
        "1KiB, 1024",
        "64MiB, 67108864",
        "60m, 62914560",
        "4g, 4294967296",
        "1.5GiB, 1610612736",
        "2 GiB, 2147483648",
        "3MB, 3000000",
        "10%, 100",
        "12.5%, 125"
    })
    void sizesAreReadInTheirUnits(String text, long bytes) {
        assertThat(SettingType.sizeOrShare(1000, 0, 1L << 40).parse(text, HERE)).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "64", "MiB", "-1MiB", "1XiB", "1e3MiB", "٣MiB", "64MiB ", "99999999999999999999MiB"})
    void whatIsNoSizeIsRefusedWithAnExample(String text) {
        assertThatThrownBy(() -> SettingType.size(0, 1L << 40).parse(text, HERE))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("64MiB");
    }

    @Test
    void aShareIsNoSizeWhereThereIsNoTotal() {
        assertThatThrownBy(() -> SettingType.size(0, 1L << 40).parse("5%", HERE))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void sizesOutOfRangeAreRefusedWithTheRangeEvenIfTheyOverflow() {
        assertThatThrownBy(() -> SettingType.size(1024, 1 << 30).parse("999999999999999999TiB", HERE))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("1KiB to 1GiB");
    }

    @ParameterizedTest
    @CsvSource({"500ms, 500", "30s, 30000", "2m, 120000", "1h, 3600000", "0s, 0"})
    void timesAreReadInTheirUnits(String text, long millis) {
        assertThat(SettingType.duration(Duration.ofDays(1)).parse(text, HERE)).isEqualTo(Duration.ofMillis(millis));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "30", "s", "-1s", "1.5s", "25h"})
    void whatIsNoTimeOrTooLongIsRefused(String text) {
        assertThatThrownBy(() -> SettingType.duration(Duration.ofDays(1)).parse(text, HERE))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void numbersOutOfRangeAreRefusedWithTheRange() {
        assertThatThrownBy(() -> SettingType.integer(0, 65_535).parse("65536", HERE))
                .hasMessageContaining("0 to 65535");
        assertThatThrownBy(() -> SettingType.integer(0, 65_535).parse("8o8o", HERE))
                .hasMessageContaining("0 to 65535");
        assertThatThrownBy(() -> SettingType.integer(1, Integer.MAX_VALUE).check(0))
                .hasMessageContaining("1 or more");
    }

    @Test
    void aWordMayStandForANumber() {
        SettingType<Integer> type = SettingType.integerOr("cores", 6, 1, 8);
        assertThat(type.parse("cores", HERE)).isEqualTo(6);
        assertThat(type.parse("7", HERE)).isEqualTo(7);
        assertThatThrownBy(() -> type.parse("core", HERE)).hasMessageContaining("cores");
    }

    @Test
    void nothingNeedsNoUnitWhereItIsAllowed() {
        assertThat(SettingType.sizeOrShare(1000, 0, 2000).parse("0", HERE)).isZero();
        assertThatThrownBy(() -> SettingType.sizeOrShare(1000, 1, 2000).parse("0", HERE))
                .hasMessageContaining("no size");
    }

    @Test
    void choicesAreWrittenInLowerCase() {
        SettingType<WeightType> type = SettingType.choice(WeightType.class);
        assertThat(type.parse("int8", HERE)).isEqualTo(WeightType.INT8);
        assertThatThrownBy(() -> type.parse("fp64", HERE)).hasMessageContaining("fp32, bf16, fp16, int8, int4");
    }

    @Test
    void relativePathsStartWhereTheSettingWasWritten() {
        assertThat(SettingType.path().parse("a/../b", HERE)).isEqualTo(Path.of("/folder/b"));
        assertThat(SettingType.path().parse("/c", HERE)).isEqualTo(Path.of("/c"));
    }
}
