package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.surgery.SlayerException;
import org.junit.jupiter.api.Test;

/** All bodies together stay under their limit. */
class TrafficTest {
    @Test
    void bodiesBeyondTheBudgetAreRefusedAndRoomComesBack() {
        Traffic traffic = new Traffic(10, 100);
        traffic.holdBody(60);
        traffic.holdBody(40);
        assertThatThrownBy(() -> traffic.holdBody(1))
                .isInstanceOf(SlayerException.class)
                .hasMessageContaining("100 bytes");
        traffic.releaseBody(40);
        assertThatCode(() -> traffic.holdBody(40)).doesNotThrowAnyException();
        assertThatThrownBy(() -> traffic.holdBody(1)).isInstanceOf(SlayerException.class);
    }

    @Test
    void oneBodyOfTheLargestSizeAlwaysFits() {
        Traffic traffic = Traffic.of(ApiSettings.DEFAULTS);
        assertThatCode(() -> traffic.holdBody(ApiSettings.DEFAULTS.maxBodyBytes()))
                .doesNotThrowAnyException();
    }
}
