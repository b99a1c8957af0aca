package dev.slayer.server.accelerator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DeviceChoiceTest {
    @Test
    void processorOrGpusByNumber() {
        assertThat(DeviceChoice.parse("cpu")).isEqualTo(DeviceChoice.CPU).hasToString("cpu");
        assertThat(DeviceChoice.parse("cuda")).hasToString("cuda:0");
        assertThat(DeviceChoice.parse("cuda:1,0").ids()).containsExactly(1, 0);
        assertThat(DeviceChoice.parse("cuda:1,0")).hasToString("cuda:1,0");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "gpu", "CUDA", "cuda:", "cuda:a", "cuda:0,", "cuda:-1", "cuda:0,0", "cuda:99999999999"})
    void allElseIsRefused(String text) {
        assertThatIllegalArgumentException().isThrownBy(() -> DeviceChoice.parse(text));
    }
}
