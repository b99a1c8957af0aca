package dev.slayer.training.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slayer.surgery.SlayerException;
import org.junit.jupiter.api.Test;

class TrainingDeviceTest {
    @Test
    void aGpuThatCannotBeUsedIsRefusedWithWhatIsMissingAndWhatToDo() {
        assumeTrue(!hasGpu("cuda:63"), "this machine has 64 GPUs");
        assertThatThrownBy(() -> TrainingDevice.find("cuda:63", "--training-device"))
                .isInstanceOfSatisfying(SlayerException.class, refused -> {
                    assertThat(refused.status()).isEqualTo(400);
                    assertThat(refused.param()).isEqualTo("--training-device");
                })
                .hasMessageStartingWith("--training-device=cuda:63 cannot be used: ")
                .hasMessageMatching(".*(Maven profile gpu|nvidia-smi|name one of).*")
                .hasMessageEndingWith("with --training-device=cpu.");
    }

    private static boolean hasGpu(String name) {
        try {
            return TrainingDevice.find(name, "device").totalBytes() > 0;
        } catch (SlayerException missing) {
            return false;
        }
    }
}
