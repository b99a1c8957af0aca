package dev.slayer.training.torch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

class CudaNeedsTest {
    @Test
    @EnabledOnOs(value = OS.LINUX, disabledReason = "libraries of other systems have other names")
    void whatTheLinkerDoesNotFindIsMissing() {
        assertThat(CudaNeeds.missing(List.of("libc.so.6", "libno-such-thing.so.1")))
                .containsExactly("libno-such-thing.so.1");
    }

    @Test
    void allThatIsMissingIsNamedWithWhatToInstall() {
        assertThat(CudaNeeds.message(List.of("libcupti.so.13", "libnccl.so.2")))
                .contains(
                        "does not find libcupti.so.13, libnccl.so.2. ", "CUPTI, cuDNN 9 and NCCL 2", "LD_LIBRARY_PATH");
    }
}
